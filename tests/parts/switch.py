"""Compose's networks on this machine: a bridge per network, a network namespace per container.

Nothing can pass from one bridge to another, as between an engine's `internal` networks. Names are
answered as an engine does: to a program by /etc/hosts, to a proxy that asks by 127.0.0.11.
"""

import contextlib
import ipaddress
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

NAMES = Path("/etc/netns")  # ip-netns(8): files there are bound over those of /etc
_DNS = Path(__file__).with_name("names.py")


@dataclass
class Switch:
    """The bridges, in a namespace of their own, and who is plugged in where."""

    tag: str
    networks: Mapping[str, ipaddress.IPv4Network]
    plugged: dict[str, dict[str, str]] = field(default_factory=dict)  # host → network → address
    named: dict[str, tuple[str, ...]] = field(default_factory=dict)  # host → its further names

    @classmethod
    @contextlib.contextmanager
    def run(cls, networks: Mapping[str, str]) -> Iterator["Switch"]:
        """Makes the bridges; everything is gone afterwards. Skips where the kernel will not."""
        if shutil.which("ip") is None or os.geteuid() != 0:
            pytest.skip("compose: networks of its own need root and ip (apt-get install iproute2)")
        found = {name: ipaddress.IPv4Network(value) for name, value in networks.items()}
        switch = cls(f"gw{secrets.token_hex(2)}", found)
        try:
            _ip("netns", "add", switch.space(""))
            for number in range(len(found)):
                switch.inside("", "ip", "link", "add", f"br{number}", "type", "bridge")
                switch.inside("", "ip", "link", "set", f"br{number}", "up")
        except subprocess.CalledProcessError as refused:
            switch.close()
            pytest.skip(f"compose: no network namespaces here: {refused.stderr.strip()}")
        try:
            yield switch
        finally:
            switch.close()

    def space(self, host: str) -> str:
        """The name of a host's namespace; of the switch's own for ''."""
        return f"{self.tag}-{host}" if host else self.tag

    def plug(self, host: str, joined: Mapping[str, str | None], *aliases: str) -> None:
        """Puts a new host on networks, with a given address or the next free one."""
        _ip("netns", "add", self.space(host))
        self.inside(host, "ip", "link", "set", "lo", "up")
        self.plugged[host] = {}
        for network, wanted in joined.items():
            number = list(self.networks).index(network)
            address = wanted or self._free(network)
            self.plugged[host][network] = address
            near, far = f"e{number}", f"p{len(self.plugged)}-{number}"
            width = self.networks[network].prefixlen
            _ip("-n", self.tag, "link", "add", far, "type", "veth", "peer", "name", near)
            _ip("-n", self.tag, "link", "set", near, "netns", self.space(host))
            _ip("-n", self.tag, "link", "set", far, "master", f"br{number}", "up")
            self.inside(host, "ip", "address", "add", f"{address}/{width}", "dev", near)
            self.inside(host, "ip", "link", "set", near, "up")
        self.named[host] = aliases

    def hosts(self, host: str) -> dict[str, list[str]]:
        """What a host can look up: name → the addresses on networks that it shares."""
        found: dict[str, list[str]] = {}
        for other, addresses in self.plugged.items():
            shared = [addresses[name] for name in addresses if name in self.plugged[host]]
            for name in (other, *self.named.get(other, ())):
                if shared:
                    found.setdefault(name, []).append(shared[0])
        return found

    def write_names(self) -> None:
        """Tells every host the names; once all are plugged in."""
        for host in self.plugged:
            folder = NAMES / self.space(host)
            folder.mkdir(parents=True, exist_ok=True)
            lines = [
                f"{address} {name}\n"
                for name, addresses in self.hosts(host).items()
                for address in addresses
            ]
            (folder / "hosts").write_text("127.0.0.1 localhost\n" + "".join(lines))
            (folder / "resolv.conf").write_text("nameserver 127.0.0.11\n")

    def command(self, host: str, *command: str | Path) -> list[str]:
        """A command line that runs a command as this host."""
        return ["ip", "netns", "exec", self.space(host), *map(str, command)]

    def inside(self, host: str, *command: str | Path) -> str:
        """Runs a command as this host to its end."""
        done = subprocess.run(
            self.command(host, *command), check=True, capture_output=True, text=True
        )
        return done.stdout

    @contextlib.contextmanager
    def answering(self, host: str) -> Iterator[None]:
        """Answers this host's DNS questions, as an engine's resolver does."""
        names = [f"{name}={','.join(found)}" for name, found in self.hosts(host).items()]
        server = subprocess.Popen(
            self.command(host, sys.executable, _DNS, *names), stdout=subprocess.PIPE
        )
        assert server.stdout is not None
        server.stdout.readline()
        try:
            yield
        finally:
            server.terminate()
            server.wait(10)
            server.stdout.close()

    def close(self) -> None:
        """Takes everything away again."""
        for host in ("", *self.plugged):
            subprocess.run(["ip", "netns", "delete", self.space(host)], capture_output=True)
            shutil.rmtree(NAMES / self.space(host), ignore_errors=True)

    def _free(self, network: str) -> str:
        taken = {found.get(network) for found in self.plugged.values()}
        hosts = self.networks[network].hosts()
        next(hosts)  # an engine's own
        return next(str(each) for each in hosts if str(each) not in taken)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
