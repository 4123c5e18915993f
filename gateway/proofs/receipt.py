"""Offline verification of one receipt, with nothing but pinned public keys."""

import base64
import binascii
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature

from gateway.proofs.entry import leaf_entry, promise
from gateway.proofs.note import Checkpoint, NoteInvalid, open_note
from gateway.proofs.tree import inclusion_holds, leaf_hash
from gateway.proofs.trust import Trust

FORMAT = "gwanmun/receipt/v1"


class ReceiptInvalid(Exception):
    """The receipt proves nothing; the message says which part of it fails."""


def verify_receipt(receipt: Mapping[str, object], trust: Trust) -> int:
    """Checks every promise of a receipt (parsed JSON); returns how many of them are sealed.

    1. The checkpoint, if there is one, is of this log and signed by a pinned key. 2. Each promise
    is signed by a pinned writer. 3. Each sealed promise's entry is made of what was promised, and
    its path leads to the checkpoint's root. The caller compares `sealed` with the number of
    promises: one that stays without a leaf proves removal.

    Raises:
        ReceiptInvalid: anything does not hold or does not have its form.
    """
    try:
        if receipt["format"] != FORMAT:
            raise ReceiptInvalid("format")
        checkpoint = _checkpoint(receipt["checkpoint"], trust)
        promises = receipt["promises"]
        if not isinstance(promises, list | tuple) or not promises:
            raise ReceiptInvalid("promises")
        agency = receipt["agency"]
        if not isinstance(agency, str):
            raise ReceiptInvalid("agency")
        return sum(_promise(each, agency, checkpoint, trust) for each in promises)
    except (KeyError, TypeError, AttributeError, ValueError, binascii.Error):
        raise ReceiptInvalid("form") from None


def _checkpoint(note: object, trust: Trust) -> Checkpoint | None:
    if note is None:
        return None
    if not isinstance(note, str):
        raise ReceiptInvalid("checkpoint")
    try:
        found = Checkpoint.parse(open_note(note, trust.log))
    except NoteInvalid:
        raise ReceiptInvalid("checkpoint") from None
    if found.origin != trust.origin:
        raise ReceiptInvalid("checkpoint")
    return found


def _promise(
    given: Mapping[str, object], agency: str, checkpoint: Checkpoint | None, trust: Trust
) -> bool:
    body_hash, salt = _bytes(given["event_hash"]), _bytes(given["salt"])
    message = promise(
        str(given["writer"]),
        _number(given["sequence"]),
        agency=agency,
        salt=salt,
        body_hash=body_hash,
    )
    key = trust.writers.get(str(given["key_id"]))
    if key is None:
        raise ReceiptInvalid("key")
    try:
        key.verify(_bytes(given["signature"]), message)
    except InvalidSignature:
        raise ReceiptInvalid("signature") from None
    sealed = given["sealed"]
    if sealed is None:
        return False
    if checkpoint is None or not isinstance(sealed, Mapping):
        raise ReceiptInvalid("sealed")
    number = _number(sealed["agency_number"])
    entry = leaf_entry(salt=salt, agency=agency, agency_number=number, body_hash=body_hash)
    if _bytes(sealed["entry"]) != entry:
        raise ReceiptInvalid("entry")
    holds = inclusion_holds(
        leaf_hash(entry),
        _number(sealed["leaf_index"]),
        checkpoint.size,
        path=[_bytes(hash_) for hash_ in sealed["path"]],
        root=checkpoint.root,
    )
    if not holds:
        raise ReceiptInvalid("inclusion")
    return True


def _bytes(value: object) -> bytes:
    if not isinstance(value, str):
        raise ReceiptInvalid("form")
    return base64.b64decode(value, validate=True)


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ReceiptInvalid("form")
    return value
