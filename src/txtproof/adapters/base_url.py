"""The address of an HTTP API as a setting: what cannot work, or would show a credential, is refused."""

from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

from txtproof.core import names


def check_base_url(url: str) -> str:
    """Return the URL that the paths of the API are put after: without trailing slash, its path prefix kept.

    Raises ValueError that names what to write, and never shows a credential.
    """
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ValueError("the URL must be ASCII without blanks: write https://HOST, with a port and a path if need be")
    if "?" in url or "#" in url:
        raise ValueError("the URL must have no query and no fragment: write https://HOST/PATH")
    if "@" in url:
        raise ValueError("the URL must hold no user or password: write https://HOST, the credentials have settings")
    try:
        parts = urlsplit(url)
        host, _, checked = parts.hostname, parts.port, httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        raise ValueError("the URL cannot be read: write https://HOST, with a port and a path if need be") from None
    if parts.scheme not in {"http", "https"} or not host or not checked.host or not names.fits(host):
        raise ValueError("the URL must be absolute: write https://HOST, with a port and a path if need be")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError(f"http shows the credentials to the network: write https://{parts.netloc}{parts.path}")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
