"""What goes wrong with a request to Route 53, and what that means.

Texts of botocore and of Route 53 quote what was sent: none of them is passed on.
"""

import re
from datetime import timedelta

from botocore import exceptions

from txtproof.adapters.publishers.trouble import Trouble
from txtproof.core.observations import Ambiguous, Blocked, Unreachable
from txtproof.core.reasons import Reason

CHANGE = "ChangeResourceRecordSets"
PAUSE = timedelta(seconds=1)
"""How long to leave an account alone that has made too many requests: Route 53 counts by the second, and names none."""

_AUTH = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_RATE = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"})
_NO_ZONE = frozenset({"NoSuchHostedZone", "HostedZoneNotFound", "InvalidDomainName"})
_NOT_SENT = (
    exceptions.EndpointConnectionError,
    exceptions.ConnectTimeoutError,
    exceptions.ProxyConnectionError,
)
_NO_CREDENTIALS = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.TokenRetrievalError,
    exceptions.NoAuthTokenError,
    exceptions.SSOError,
    exceptions.LoginError,
    exceptions.ProfileNotFound,
    exceptions.ConfigParseError,
)


_RACES = ("but it already exists", "but it was not found", "do not match the current values")
"""What Route 53 says of a set that is not as it was read: a race, even where the next reading finds it so again."""


class Refused(Trouble):
    """A batch of changes was not applied: it does not fit what stands there, or another one is being worked on."""

    def __init__(self, answer: Blocked | Unreachable, *, busy: bool) -> None:
        super().__init__(answer)
        self.busy = busy


def trouble(fault: Exception, operation: str) -> Trouble:
    """Return what a fault of an operation means."""
    match fault:
        case exceptions.ClientError():
            return _answered(fault, operation)
        case _ if isinstance(fault, _NO_CREDENTIALS):
            kind = type(fault).__name__
            return Trouble(Blocked(Reason.PUBLISHER_AUTH, f"Route 53: boto3 finds no credentials ({kind})"))
        case _ if operation == CHANGE and not isinstance(fault, _NOT_SENT):
            return Trouble(_unknown(f"no answer to a change ({type(fault).__name__})"))
        case _:
            return Trouble(_unreachable(f"no answer ({type(fault).__name__})"))


def late(*, changing: bool, conflicts: int) -> Unreachable | Ambiguous:
    """Return what it means that a call has used up its time."""
    if changing:
        return _unknown("no answer to a change in time")
    if conflicts:
        return Unreachable(Reason.CONFLICT, "Route 53: the TXT set was changed by others all the time")
    return _unreachable("no answer in time")


def _answered(fault: exceptions.ClientError, operation: str) -> Trouble:
    said = fault.response.get("Error", {})
    status = fault.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = str(said.get("Code", ""))
    what = f"Route 53: {operation}: {code if re.fullmatch('[A-Za-z][A-Za-z0-9.]{1,60}', code) else f'status {status}'}"
    match code:
        case "InvalidChangeBatch":
            return _batch(what, str(said.get("Message", "")))
        case "PriorRequestNotComplete":
            return Refused(Unreachable(Reason.CONFLICT, f"{what}: it is still at work on another change"), busy=True)
        case _ if code in _RATE or status == 429:
            return Trouble(Unreachable(Reason.RATE_LIMITED, what, PAUSE))
        case _ if code in _AUTH or status == 401:
            return Trouble(Blocked(Reason.PUBLISHER_AUTH, f"{what}: check the credentials, and this machine's clock"))
        case _ if code in _NO_ZONE:
            return Trouble(Blocked(Reason.NO_ZONE, what))
        case _ if status >= 500 and status != 503 and operation == CHANGE:
            return Trouble(Ambiguous(Reason.PUBLISHER_UNREACHABLE, what))
        case _ if status >= 500:
            return Trouble(Unreachable(Reason.PUBLISHER_UNREACHABLE, what))
        case _ if status == 403:
            return Trouble(Blocked(Reason.PUBLISHER_REFUSED, f"{what}: the credential may not do route53:{operation}"))
        case _:
            return Trouble(Blocked(Reason.PUBLISHER_REFUSED, what))


def _batch(what: str, message: str) -> Trouble:
    if "Invalid Resource Record" in message:
        found = re.search("problem: ([A-Za-z]{1,60})", message)
        return Trouble(Blocked(Reason.INVALID_VALUE, f"{what}: {found[1] if found else 'the value cannot be stored'}"))
    if "is not permitted in zone" in message:
        return Trouble(Blocked(Reason.NO_ZONE, f"{what}: the name does not lie in the hosted zone"))
    if any(said in message for said in _RACES):
        return Refused(Unreachable(Reason.CONFLICT, f"{what}: somebody else was faster"), busy=True)
    return Refused(Blocked(Reason.PUBLISHER_REFUSED, f"{what}, though the TXT set is as it was read"), busy=False)


def _unknown(text: str) -> Ambiguous:
    return Ambiguous(Reason.PUBLISHER_UNREACHABLE, f"Route 53: {text}")


def _unreachable(text: str) -> Unreachable:
    return Unreachable(Reason.PUBLISHER_UNREACHABLE, f"Route 53: {text}")
