"""Bytes as text: base64 (RFC 4648 section 4) in the one spelling that a writer gives them.

A decoder that passes over the bits behind the last byte (section 3.5) lets somebody change a file
that is right before and after.
"""

import base64


def bytes_of(text: object) -> bytes:
    """What the text says.

    Raises:
        ValueError: it is not base64, or not spelt as it is always written.
    """
    if not isinstance(text, str):
        raise ValueError("not text")
    found = base64.b64decode(text, validate=True)
    if base64.b64encode(found).decode() != text:
        raise ValueError("another spelling")
    return found
