"""Which resolvers are asked where none are given."""

import dns.resolver
import pytest

from txtproof.adapters.system_resolvers import system_resolvers


def test_the_systems_resolvers_are_asked_on_port_53(monkeypatch: pytest.MonkeyPatch) -> None:
    configured = dns.resolver.Resolver(configure=False)
    configured.nameservers = ["192.0.2.53", "2001:db8::53"]
    monkeypatch.setattr(dns.resolver, "default_resolver", configured)
    assert system_resolvers() == ("192.0.2.53:53", "[2001:db8::53]:53")


def test_a_machine_without_resolvers_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def unconfigured() -> dns.resolver.Resolver:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver, "get_default_resolver", unconfigured)
    assert system_resolvers() == ()
