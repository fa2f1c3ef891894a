"""What the hooks of this folder share."""

NAMESPACE = "https://acme.example/"


def claim(name):
    """The full name of a claim of ours."""
    return NAMESPACE + name
