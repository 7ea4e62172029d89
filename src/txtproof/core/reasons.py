"""The closed list of reasons: one word each for machines, a sentence and an advice for people.

A definitive miss (`MISSES`) and a failure to see (`BLIND`) are disjoint, and each has an observation type of its own,
so that neither can be counted as the other.
"""

from enum import StrEnum
from typing import NamedTuple


class Reason(StrEnum):
    """Why a verification is where it is."""

    # Nexus
    UPSTREAM_AUTH = "upstream_auth"
    UPSTREAM_FORBIDDEN = "upstream_forbidden"
    UPSTREAM_CONTRACT = "upstream_contract"
    UPSTREAM_REFUSED = "upstream_refused"
    UPSTREAM_UNREACHABLE = "upstream_unreachable"
    UPSTREAM_AMBIGUOUS = "upstream_ambiguous"
    UNKNOWN_DOMAIN = "unknown_domain"
    DOMAIN_MISMATCH = "domain_mismatch"
    NO_DOMAIN = "no_domain"
    BAD_DOMAIN = "bad_domain"
    CODE_ALREADY_EXPIRED = "code_already_expired"
    ALREADY_VERIFIED = "already_verified"
    # the DNS provider
    NO_ROUTE = "no_route"
    NO_ZONE = "no_zone"
    NOT_DELEGATED = "not_delegated"
    PUBLISHER_AUTH = "publisher_auth"
    PUBLISHER_REFUSED = "publisher_refused"
    PUBLISHER_UNREACHABLE = "publisher_unreachable"
    INVALID_VALUE = "invalid_value"
    NAME_IS_CNAME = "name_is_cname"
    CONFLICT = "conflict"
    RATE_LIMITED = "rate_limited"
    NOT_SERVED = "not_served"
    NEIGHBOUR_LOST = "neighbour_lost"
    # a look that saw
    NO_SUCH_NAME = "no_such_name"
    NO_TXT = "no_txt"
    OTHER_VALUE = "other_value"
    OLD_CODE = "old_code"
    STALE_SERVER = "stale_server"
    UNSTEADY_ANSWERS = "unsteady_answers"
    NEGATIVE_CACHE = "negative_cache"
    DOUBLED_NAME = "doubled_name"
    WRONG_NAME = "wrong_name"
    ALTERED_VALUE = "altered_value"
    CNAME = "cname"
    WILDCARD_CNAME = "wildcard_cname"
    NOT_YET_SERVED = "not_yet_served"
    # a look that could not see
    TIMEOUT = "timeout"
    SERVFAIL = "servfail"
    REFUSED = "refused"
    LAME = "lame"
    CANNOT_SEE = "cannot_see"
    DNSSEC_BOGUS = "dnssec_bogus"
    # the run itself
    CODE_EXPIRED = "code_expired"
    QUEUED = "queued"
    DEADLINE_PASSED = "deadline_passed"
    CANCELLED = "cancelled"
    POISON = "poison"


MISSES = frozenset(
    {
        Reason.NO_SUCH_NAME,
        Reason.NO_TXT,
        Reason.OTHER_VALUE,
        Reason.OLD_CODE,
        Reason.STALE_SERVER,
        Reason.UNSTEADY_ANSWERS,
        Reason.NEGATIVE_CACHE,
        Reason.DOUBLED_NAME,
        Reason.WRONG_NAME,
        Reason.ALTERED_VALUE,
        Reason.CNAME,
        Reason.WILDCARD_CNAME,
        Reason.NOT_YET_SERVED,
    }
)
"""Reasons of a definitive miss: an authoritative server answered, and the code is not served."""

BLIND = frozenset(
    {Reason.TIMEOUT, Reason.SERVFAIL, Reason.REFUSED, Reason.LAME, Reason.CANNOT_SEE, Reason.DNSSEC_BOGUS}
)
"""Reasons of a failure to see: nothing is known about the record."""


class Explanation(NamedTuple):
    """What a reason means, and what to do about it, in words for a person."""

    sentence: str
    advice: str


EXPLANATIONS: dict[Reason, Explanation] = {
    Reason.UPSTREAM_AUTH: Explanation(
        "Nexus refuses the configured credential (401).", "Renew the Nexus credential, then run `txtproof resume`."
    ),
    Reason.UPSTREAM_FORBIDDEN: Explanation(
        "Nexus does not allow this credential to verify this domain (403).",
        "Grant the credential access to the organization, then run `txtproof resume`.",
    ),
    Reason.UPSTREAM_CONTRACT: Explanation(
        "Nexus answered with something that its documentation does not allow.",
        "Show the detail to those who run Nexus, then request the verification again.",
    ),
    Reason.UPSTREAM_REFUSED: Explanation(
        "Nexus refused to issue a code for this domain.", "Correct what the detail names, then request it again."
    ),
    Reason.UPSTREAM_UNREACHABLE: Explanation(
        "Nexus cannot be reached, or asks to be called later.", "Nothing: it is called again by itself."
    ),
    Reason.UPSTREAM_AMBIGUOUS: Explanation(
        "Nexus did not answer in time, so its last code is not trusted.", "Nothing: a new code is requested by itself."
    ),
    Reason.UNKNOWN_DOMAIN: Explanation(
        "Nexus knows no such domain in this organization (404).", "Check both ids, then request it again."
    ),
    Reason.DOMAIN_MISMATCH: Explanation(
        "Nexus issued the code for another domain than the one requested.",
        "Check the domain id and the domain's name, then request it again.",
    ),
    Reason.NO_DOMAIN: Explanation(
        "Neither the request nor Nexus says which domain this is.", "Request it again with the domain's name."
    ),
    Reason.BAD_DOMAIN: Explanation(
        "The domain that Nexus names cannot be verified.",
        "Correct the domain in Nexus: a registrable name or below it, no address, no public suffix.",
    ),
    Reason.CODE_ALREADY_EXPIRED: Explanation(
        "Nexus issued a code that had expired already.", "Check the clock of Nexus; a new code is requested by itself."
    ),
    Reason.ALREADY_VERIFIED: Explanation("Nexus says that the domain is verified.", "Nothing."),
    Reason.NO_ROUTE: Explanation(
        "No publisher is configured for this domain's zone.",
        "Add the zone to a publisher in the configuration, restart the worker, then run `txtproof resume`.",
    ),
    Reason.NO_ZONE: Explanation(
        "The DNS provider does not hold the zone.", "Create the zone there or correct the publisher's zones."
    ),
    Reason.NOT_DELEGATED: Explanation(
        "The public delegation of the domain does not lead to the zone that would be written.",
        "Correct the NS records at the registrar, then run `txtproof resume`.",
    ),
    Reason.PUBLISHER_AUTH: Explanation(
        "The DNS provider refuses the publisher's credential.",
        "Correct the publisher's key or secret, restart the worker, then run `txtproof resume`.",
    ),
    Reason.PUBLISHER_REFUSED: Explanation(
        "The DNS provider refuses to write this record.",
        "Do what the detail asks for, or let the credential write TXT at this name; then run `txtproof resume`.",
    ),
    Reason.PUBLISHER_UNREACHABLE: Explanation(
        "The DNS provider cannot be reached.", "Nothing: it is called again by itself."
    ),
    Reason.INVALID_VALUE: Explanation(
        "The DNS provider cannot store this value.", "Check the record template in the configuration."
    ),
    Reason.NAME_IS_CNAME: Explanation(
        "A CNAME stands at the record's name, so no TXT can be served there.",
        "Remove the CNAME, or let the record's name template point elsewhere, then run `txtproof resume`.",
    ),
    Reason.CONFLICT: Explanation(
        "Somebody else changed the record at the same moment.", "Nothing: it is read and written again by itself."
    ),
    Reason.RATE_LIMITED: Explanation(
        "The DNS provider asks to be called less often.", "Nothing: it is called again by itself."
    ),
    Reason.NOT_SERVED: Explanation(
        "The DNS provider took the record but does not serve it.",
        "Look for a CNAME or a delegation at or above the record's name, then run `txtproof resume`.",
    ),
    Reason.NEIGHBOUR_LOST: Explanation(
        "A TXT value of somebody else at the name went, or changed, while ours was written.",
        "Page whoever runs the zone: put it back from a copy (the log has its length and hash), then run"
        " `txtproof resume`.",
    ),
    Reason.NO_SUCH_NAME: Explanation(
        "The domain's name servers say that the record's name does not exist.",
        "Check that a TXT record was saved at exactly this name.",
    ),
    Reason.NO_TXT: Explanation(
        "The record's name exists, but has no TXT record.",
        "Check that a TXT record was saved, and at exactly this name.",
    ),
    Reason.OTHER_VALUE: Explanation(
        "There are TXT records at the name, but none with the code.",
        "Check that the value was saved as it was given, beside the others.",
    ),
    Reason.OLD_CODE: Explanation("A code from before is still served.", "Wait until its TTL has passed."),
    Reason.STALE_SERVER: Explanation(
        "Some of the domain's name servers serve the code, others do not yet.",
        "Wait; if it lasts, have the zone transfer to the named servers checked.",
    ),
    Reason.UNSTEADY_ANSWERS: Explanation(
        "One name server gives different answers to the same question.", "Wait; several clean rounds are needed."
    ),
    Reason.NEGATIVE_CACHE: Explanation(
        "A resolver still remembers that the name did not exist.", "Wait until that memory ends."
    ),
    Reason.DOUBLED_NAME: Explanation(
        "The record stands at a name that has the domain in it twice.",
        "Enter the name at the provider without the domain.",
    ),
    Reason.WRONG_NAME: Explanation("The right value stands at another name.", "Move it to the name that is asked for."),
    Reason.ALTERED_VALUE: Explanation(
        "The value was changed on its way: quotes, blanks or a `name=` around it.", "Enter the value exactly as given."
    ),
    Reason.CNAME: Explanation(
        "A CNAME at the record's name leads to a name without the code.", "Publish at its target, or remove the CNAME."
    ),
    Reason.WILDCARD_CNAME: Explanation(
        "A wildcard CNAME answers for the record's name.",
        "Create the name itself: it takes precedence over the wildcard.",
    ),
    Reason.NOT_YET_SERVED: Explanation(
        "The provider has taken the record and has not served it yet.", "Wait: providers publish in batches."
    ),
    Reason.TIMEOUT: Explanation(
        "None of the domain's name servers answers.", "Check the name servers and the firewall."
    ),
    Reason.SERVFAIL: Explanation("The domain's name servers report a failure of their own.", "Check the name servers."),
    Reason.REFUSED: Explanation("The domain's name servers refuse the question.", "Check their access rules."),
    Reason.LAME: Explanation(
        "The servers that the domain is delegated to do not hold its zone.", "Correct the NS records or the servers."
    ),
    Reason.CANNOT_SEE: Explanation(
        "The domain's name servers could not be found or may not be asked from here.",
        "Check the delegation, the configured resolvers and the firewall on port 53.",
    ),
    Reason.DNSSEC_BOGUS: Explanation("The zone's DNSSEC signatures do not hold.", "Have the zone signed anew."),
    Reason.CODE_EXPIRED: Explanation(
        "The code expired before it was seen.", "Nothing: a new one is requested by itself."
    ),
    Reason.QUEUED: Explanation(
        "Calls with this credential are limited, and its call waits in their line.",
        "Nothing: it is made by itself; `calls_per_second` and `calls_in_flight` say how fast the line moves.",
    ),
    Reason.DEADLINE_PASSED: Explanation(
        "The verification's deadline passed.", "See its last reason in the history, then request it again."
    ),
    Reason.CANCELLED: Explanation("The verification was cancelled on command.", "Request it again if it is wanted."),
    Reason.POISON: Explanation(
        "Working on this verification ended the worker process several times.",
        "Report it with the worker's log, then run `txtproof release`.",
    ),
}
"""One entry for every reason (a test holds this)."""
