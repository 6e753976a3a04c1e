"""What a person may ask for: what is known of them (`export`), and to be forgotten (`erase`), with proof.

`find` says which pseudonyms are one person's; the rooms that keep something of visitors are `Holder`s; `survivors` looks
into every file for what should be gone; a signed `certificate` says what was done, what is left, where and why.
"""

from rekindle.privacy.subjects.certificate import CertificateInvalid, completed, verify_certificate
from rekindle.privacy.subjects.erase import Erasure, Sent
from rekindle.privacy.subjects.export import export
from rekindle.privacy.subjects.holders import Holder
from rekindle.privacy.subjects.person import Person, find
from rekindle.privacy.subjects.removals import Removal, Removals
from rekindle.privacy.subjects.requests import Request, Requests, due_ms

__all__ = [
    "CertificateInvalid",
    "Erasure",
    "Holder",
    "Person",
    "Removal",
    "Removals",
    "Request",
    "Requests",
    "Sent",
    "completed",
    "due_ms",
    "export",
    "find",
    "verify_certificate",
]
