"""Run by the Python that has botocore: makes one call of the service, as JSON on its input says it, and prints the answer."""

import base64
import json
import sys
from typing import Any

import botocore.session  # type: ignore[import-not-found]  # it is in .venv/s3 alone
from botocore.config import Config  # type: ignore[import-not-found]  # as above


def main(endpoint: str, key: str, secret: str, method: str) -> None:
    session = botocore.session.get_session()
    session.set_credentials(key, secret)
    options = {"addressing_style": "path"}
    client = session.create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=endpoint,
        config=Config(s3=options, request_checksum_calculation="when_required"),
    )
    arguments: dict[str, Any] = json.load(sys.stdin)
    if "Body" in arguments:
        arguments["Body"] = base64.b64decode(arguments["Body"])
    answer = getattr(client, method)(**arguments)
    json.dump({name: value for name, value in answer.items() if isinstance(value, str)}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
