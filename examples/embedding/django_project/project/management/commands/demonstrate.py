"""Makes an application to try the project with."""

from typing import Any

from django.core.management.base import BaseCommand
from oauth2_provider.models import get_application_model

URL = "http://127.0.0.1:8080/oauth/token"


class Command(BaseCommand):  # type: ignore[misc]
    help = __doc__

    def handle(self, *_args: Any, **_options: Any) -> None:
        application = get_application_model()(
            name="Platinum orders",
            client_type="confidential",
            authorization_grant_type="client-credentials",
        )
        secret = application.client_secret
        application.save()
        who = f"{application.client_id}:{secret}"
        self.stdout.write(f"curl -u {who} {URL} -d grant_type=client_credentials")
