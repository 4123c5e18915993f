"""Step: authenticate. Who is calling.

Takes credentials as they came; gives a Principal. What the principal may do is authorize's affair.
It never repeats what the caller sent.
"""

from gateway.domain import Credentials, Principal
from gateway.identity.authentication import Identity


async def authenticate(credentials: Credentials, identity: Identity) -> Principal:
    """Returns the Principal that the credentials prove.

    Raises:
        Unauthenticated: nothing was sent, or it does not hold; `reason` says why.
        TokenExpired: it held once.
        IdentityUnavailable: the issuer's keys are needed and cannot be had.
    """
    return await identity.verify(credentials)
