"""SoftHSM 2 (Debian's): a PKCS#11 module in software, with tokens of the tests' own."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType, Mechanism
from pkcs11.util.ec import encode_named_curve_parameters

PIN, OFFICER_PIN = "4711-0815", "0815-4711"
_MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so")
_ED25519 = bytes.fromhex("130c656477617264733235353139")  # PKCS #11 3.0 section 2.3.5: a curve name


@dataclass
class SoftHsm:
    """Where its tokens and the file with their PIN lie."""

    folder: Path
    module: str

    @property
    def pin_file(self) -> Path:
        return self.folder / "pin"

    def token(self, label: str) -> Path:
        """A new token with an Ed25519 and a P-256 key; the file that names both."""
        command = ("softhsm2-util", "--init-token", "--free", "--label", label)
        pins = ("--pin", PIN, "--so-pin", OFFICER_PIN)
        subprocess.run([*command, *pins], check=True, capture_output=True)
        library = pkcs11.lib(self.module)
        library.reinitialize()  # or it would not see the new token
        with library.get_token(token_label=label).open(rw=True, user_pin=PIN) as session:
            curves = (
                (KeyType.EC_EDWARDS, _ED25519, Mechanism.EC_EDWARDS_KEY_PAIR_GEN, "ed25519"),
                (KeyType.EC, encode_named_curve_parameters("secp256r1"), None, "p256"),
            )
            for kind, curve, mechanism, name in curves:
                attributes = {Attribute.EC_PARAMS: curve}
                domain = session.create_domain_parameters(kind, attributes, local=True)
                domain.generate_keypair(mechanism=mechanism, store=True, label=name)
        file = self.folder / f"{label}.pkcs11"
        file.write_text("".join(f"{self.uri(label, name)}\n" for name in ("ed25519", "p256")))
        return file

    def uri(self, label: str, name: str) -> str:
        """The URI of one key (RFC 7512)."""
        query = f"module-path={self.module}&pin-source=file:{self.pin_file}"
        return f"pkcs11:token={label};object={name};type=private?{query}"


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    module = next((path for path in _MODULES if Path(path).exists()), None)
    if module is None or shutil.which("softhsm2-util") is None:
        pytest.skip("SoftHSM is not installed: apt-get install softhsm2")
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(config))
        hsm = SoftHsm(folder, module)
        hsm.pin_file.touch(mode=0o600)
        hsm.pin_file.write_text(f"{PIN}\n")
        yield hsm
