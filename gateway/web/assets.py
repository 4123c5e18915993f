"""The static files of the pages: a closed set, read once, named by their content.

A file's address holds its hash, so a browser may keep it for ever and an upgrade never mixes old
script with new markup. Only names found at start can be asked for: no path is ever built from a
request.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

STATIC = Path(__file__).parent / "static"
PREFIX = "/static"

MEDIA_TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its address on this server, its type and its bytes."""

    url: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Assets:
    """All static files, by name ("app.css", "vendor/krds/tokens.css") and by address."""

    by_name: Mapping[str, Asset]
    by_url: Mapping[str, Asset]

    def url(self, name: str) -> str:
        """The address of a file.

        Raises:
            KeyError: there is no such file; a template names a file that was not packaged.
        """
        return self.by_name[name].url


def load_assets(root: Path = STATIC) -> Assets:
    """Reads every file of a known type below `root`; others (licences, notes) are not served.

    Modules that import each other do so by relative address, so all files share one hash: the
    address of each changes when any of them does.
    """
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.suffix in MEDIA_TYPES
    }
    whole = hashlib.sha256()
    for name, content in files.items():
        whole.update(hashlib.sha256(name.encode()).digest() + hashlib.sha256(content).digest())
    version = whole.hexdigest()[:16]
    by_name = {
        name: Asset(f"{PREFIX}/{version}/{name}", MEDIA_TYPES[Path(name).suffix], content)
        for name, content in files.items()
    }
    return Assets(by_name, {asset.url: asset for asset in by_name.values()})
