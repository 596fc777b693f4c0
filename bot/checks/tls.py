"""The certificate that a server shows: its days left, its names, and who vouches for it. Asked from the bot."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from bot.checks import Answer, Port, Target, noun
from bot.checks.tcp import connect_failure
from bot.ports import GaveUp
from bot.runbook.result import State

PORT = Port(443)
EXPIRED = 10
"""What OpenSSL says of a certificate, or of one above it, whose time is over."""
WRONG_NAME = (62, 64)
"""What OpenSSL says of a certificate for another name or address."""


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """The server's own certificate; times are UTC."""

    names: tuple[str, ...] = ()
    issuer: str = ""
    not_after: datetime


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What came of one handshake: the certificate, or `problem` (refused, timeout, error); why it is not trusted."""

    certificate: Certificate | None = None
    problem: str = ""
    distrust: int = 0
    text: str = ""


@noun("tls")
async def tls(
    on: Target, *, port: Port = PORT, name: str | None = None, days_left: int = 14, ca: str | None = None
) -> Answer:
    """Whether the server's certificate is for the name, vouched for, and valid long enough.

    port: where to ask (443). name: the name that users type (the host's own). days-left: the fewest days (14).
    ca: the absolute path of a file on the bot's machine with the certificates to trust, instead of the system's.
    """
    wanted = name or on.host.name
    shown = await _show(on.host.address, int(port), wanted, ca, on.within)
    where = f"{on.host.name}:{port}"
    if shown.certificate is None:
        said = {"refused": "refuses connections", "timeout": "does not answer"}.get(shown.problem, "speaks no TLS")
        return Answer(
            state=State.FAIL,
            reason=shown.problem,
            summary=f"{where} {said}",
            facts={"port": int(port), "found": shown.problem},
        )
    return judge(shown, shown.certificate, where=where, wanted=wanted, fewest=days_left, now=on.now())


def judge(shown: Shown, certificate: Certificate, *, where: str, wanted: str, fewest: int, now: datetime) -> Answer:
    """What is wrong with a certificate, the worst first: its time, its name, its chain."""
    left = (certificate.not_after - now).days
    until = f"{certificate.not_after:%Y-%m-%d}"
    if left < 0:
        reason, said = "stale", f"the certificate expired {-left} days ago ({until})"
    elif shown.distrust in WRONG_NAME:
        reason, said = "differs", f"the certificate is not for {wanted} but for {_listed(certificate.names)}"
    elif shown.distrust:
        reason, said = "error", f"the certificate is not trusted: {shown.text}"
    elif left < fewest:
        reason, said = "stale", f"the certificate expires in {left} days ({until})"
    else:
        reason, said = "", f"the certificate is good for {left} more days"
    return Answer(
        state=State.FAIL if reason else State.OK,
        reason=reason,
        summary=f"{where}: {said}",
        facts={
            "names": list(certificate.names),
            "name": wanted,
            "issuer": certificate.issuer,
            "not-after": until,
            "days-left": left,
            "found": said,
            "expected": f"{fewest} days or more",
        },
    )


async def _show(address: str, port: int, name: str, ca: str | None, within: float) -> Shown:
    """Shake hands as a user would; when that fails for the certificate's sake, again to look at it."""
    strict = await asyncio.to_thread(_strict, ca)
    shown = await _handshake(address, port, name, strict, within)
    if not shown.distrust:
        return shown
    loose = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    loose.check_hostname, loose.verify_mode = False, ssl.CERT_NONE  # we only look at it, and send nothing
    again = await _handshake(address, port, name, loose, within)
    return Shown(certificate=again.certificate, problem=again.problem or "", distrust=shown.distrust, text=shown.text)


def _strict(ca: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise GaveUp(f"{ca} holds no certificates: {error}", reason="error", fix="Correct 'ca'.") from error


async def _handshake(address: str, port: int, name: str, context: ssl.SSLContext, within: float) -> Shown:
    try:
        async with asyncio.timeout(within):
            _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=name)
    except TimeoutError:
        return Shown(problem="timeout")
    except ssl.SSLCertVerificationError as error:
        return Shown(distrust=error.verify_code or -1, text=error.verify_message or "not verified")
    except (ssl.SSLError, ConnectionResetError, BrokenPipeError, EOFError):
        return Shown(problem="error")
    except OSError as error:
        return Shown(problem=connect_failure(error))
    try:
        shown: ssl.SSLObject = writer.get_extra_info("ssl_object")
        return Shown(certificate=read_certificate(shown.getpeercert(binary_form=True) or b""))
    finally:
        writer.close()
        with contextlib.suppress(OSError, ssl.SSLError, TimeoutError):
            async with asyncio.timeout(0.5):
                await writer.wait_closed()


def read_certificate(der: bytes) -> Certificate:
    """A certificate in DER. Raises GaveUp for one that cannot be read."""
    try:
        found = x509.load_der_x509_certificate(der)
        names = _names(found)
        issuer = found.issuer.rfc4514_string()
    except ValueError as error:
        raise GaveUp("The server's certificate cannot be read.", reason="error") from error
    return Certificate(names=names, issuer=issuer[:300], not_after=found.not_valid_after_utc)


def _names(found: x509.Certificate) -> tuple[str, ...]:
    try:
        other = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    dns = other.get_values_for_type(x509.DNSName)
    return tuple([*dns, *(str(each) for each in other.get_values_for_type(x509.IPAddress))][:50])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) or "no name at all"
