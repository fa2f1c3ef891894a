"""What the issuer and the bridges have in common as servers of HTTP."""
