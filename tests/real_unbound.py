"""Unbound as a recursive resolver of zones on loopback, over UDP, TLS and HTTPS; nothing else is asked by it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rcode
import trustme

from tests.real_processes import installed, started

_SERVER = """server:
    directory: "{directory}"
    pidfile: "{directory}/unbound.pid"
    username: ""
    chroot: ""
    use-syslog: no
    log-time-ascii: yes
    verbosity: 1
    num-threads: 1
    interface: {address}@{port}
    interface: {address}@{tls_port}
    interface: {address}@{https_port}
    tls-port: {tls_port}
    https-port: {https_port}
    tls-service-key: "{directory}/key.pem"
    tls-service-pem: "{directory}/certificate.pem"
    # others may look into the cache: a resolver that a zone was delegated to by mistake
    access-control: 127.0.0.0/8 allow_snoop
    do-not-query-localhost: no
    do-ip6: no
    # extended errors, with words
    ede: yes
    val-log-level: 2
    module-config: "validator iterator"
    # nothing outside is asked
    local-zone: "." static
"""


@dataclass(frozen=True, slots=True)
class RealResolver:
    """An Unbound that runs for the whole session."""

    address: str
    port: int
    tls_port: int
    https_port: int
    authority: Path
    """The certificate that vouches for its own."""

    @property
    def udp(self) -> str:
        """Return how its ways are written in the settings, here and below."""
        return f"{self.address}:{self.port}"

    @property
    def tls(self) -> str:
        return f"tls://{self.address}:{self.tls_port}"

    @property
    def https(self) -> str:
        return f"https://{self.address}:{self.https_port}/dns-query"

    def ask(self, name: str, kind: str = "TXT") -> dns.message.Message:
        """Ask as anybody does, and so fill its cache."""
        return dns.query.tcp(dns.message.make_query(name, kind), self.address, 5, self.port)


@contextmanager
def unbound_resolving(
    directory: Path, resolver: RealResolver, zones: Mapping[str, str], known: Sequence[str], anchors: Sequence[str]
) -> Iterator[None]:
    """Run Unbound. `zones`: origins and the server of each, `address@port`; `known`: records that it is told."""
    unbound = installed("unbound", "unbound")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(resolver.authority)
    certificate = authority.issue_cert(resolver.address)
    certificate.private_key_pem.write_to_path(directory / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(directory / "certificate.pem")
    ports = {"port": resolver.port, "tls_port": resolver.tls_port, "https_port": resolver.https_port}
    parts = [_SERVER.format(directory=directory, address=resolver.address, **ports)]
    parts += [f'    local-zone: "{origin}." transparent\n' for origin in zones]
    parts += [f'    local-data: "{record}"\n' for record in known]
    parts += [f'    trust-anchor: "{anchor}"\n' for anchor in anchors]
    parts += [f'stub-zone:\n    name: "{origin}."\n    stub-addr: {server}\n' for origin, server in zones.items()]
    parts += ["remote-control:\n    control-enable: no\n"]
    (directory / "unbound.conf").write_text("".join(parts))
    command = [unbound, "-d", "-c", str(directory / "unbound.conf")]
    with started(command, directory / "log", lambda: resolver.ask("localhost.", "A").rcode() == dns.rcode.NOERROR):
        yield
