"""A crowd at one name of a provider's own API: a Cloudflare, a Route 53, and a PowerDNS by way of dns-lexicon."""

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from pydantic import SecretStr

from tests.publishers.cloudflare_api import CloudflareApi
from tests.publishers.cloudflare_scene import TOKEN, ZONE
from tests.publishers.cloudflare_zones import Owner, Zone
from tests.publishers.crowd import TTL, Crowd, come_and_go
from tests.publishers.powerdns_api import running_powerdns
from tests.publishers.powerdns_turns import TakingTurns
from tests.real_ministack import MiniStack, ministack
from txtproof.adapters.publishers.cloudflare.publisher import CloudflareOptions
from txtproof.adapters.publishers.lexicon.options import LexiconOptions
from txtproof.adapters.publishers.route53.options import Route53Options
from txtproof.ports import Publisher

__all__ = ["ministack"]

LONG = timedelta(seconds=20)


def test_a_crowd_at_cloudflare_loses_nothing() -> None:
    zone = Zone(ZONE, "0" * 31 + "e")
    with CloudflareApi(TOKEN) as api:
        url = api.begin(zone).base_url
        come_and_go(Crowd(ZONE, Owner(zone), Dashboard(zone), partial(at_cloudflare, url)))


def at_cloudflare(url: str) -> Publisher:
    return CloudflareOptions("cloudflare", (ZONE,), SecretStr(TOKEN), base_url=url, call_timeout=LONG).open()


class Dashboard:
    """An owner (tests.publishers.crowd) who adds and deletes records."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone

    def add(self, name: str, value: bytes) -> None:
        self._zone.add(name, "TXT", f'"{value.decode()}"', TTL)

    def remove(self, name: str, value: bytes) -> None:
        content = f'"{value.decode()}"'
        for one in self._zone.at(name, "TXT"):
            if one["content"] == content:
                self._zone.drop(one["id"])


def test_a_crowd_at_route_53_loses_nothing(ministack: MiniStack) -> None:
    keys = ministack.access_key_id, ministack.secret_access_key
    opens = partial(at_route53, ministack.zone, ministack.url, *(key.get_secret_value() for key in keys))
    come_and_go(Crowd(ministack.zone, ministack, Swapping(ministack), opens))


def at_route53(zone: str, url: str, key: str, secret: str) -> Publisher:
    return Route53Options(
        name="aws",
        zones=(zone,),
        access_key_id=SecretStr(key),
        secret_access_key=SecretStr(secret),
        endpoint_url=url,
        call_timeout=LONG,
    ).open()


class Swapping:
    """An owner who changes the set as Route 53 wants it: the old one goes, as it was read, and the new one comes."""

    def __init__(self, ministack: MiniStack) -> None:
        self._ministack = ministack

    def add(self, name: str, value: bytes) -> None:
        self._change(name, lambda records: [*records, {"Value": f'"{value.decode()}"'}])

    def remove(self, name: str, value: bytes) -> None:
        gone = f'"{value.decode()}"'
        self._change(name, lambda records: [one for one in records if one["Value"] != gone])

    def _change(self, name: str, changed: Any) -> None:
        while True:
            (old,) = (one for one in self._ministack.sets() if (one["Name"], one["Type"]) == (f"{name}.", "TXT"))
            new = {**old, "ResourceRecords": changed(old["ResourceRecords"])}
            batch = [{"Action": "DELETE", "ResourceRecordSet": old}, {"Action": "CREATE", "ResourceRecordSet": new}]
            try:
                self._ministack.client.change_resource_record_sets(
                    HostedZoneId=self._ministack.zone_id, ChangeBatch={"Changes": batch}
                )
            except ClientError as refused:
                assert refused.response["Error"]["Code"] == "InvalidChangeBatch", refused
            else:
                return


def test_a_crowd_by_lexicon_loses_nothing(tmp_path: Path, redis_url: str) -> None:
    with running_powerdns(tmp_path) as powerdns:
        owner = TakingTurns(powerdns, redis_url)
        opens = partial(by_lexicon, powerdns.zone, powerdns.url, powerdns.api_key)
        come_and_go(Crowd(powerdns.zone, powerdns, owner, opens, redis_url))
        owner.close()


def by_lexicon(zone: str, url: str, key: str) -> Publisher:
    return LexiconOptions(
        "theirs", (zone,), "powerdns", {"pdns_server": url, "auth_token": SecretStr(key)}, LONG
    ).open()
