"""Speaks Gerrit's REST, and is the one place where its answers and httpx's errors become our values and errors.

Gerrit puts `)]}'` before its JSON, against script inclusion; names in paths are encoded in full, slashes too; what
failed for now is tried again with growing pauses, what was refused (400, 409 and the like) never.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar
from urllib.parse import quote

import msgspec

from cosport.errors import ConfigError, GerritError, GerritUnreachable
from cosport.gerrit import credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import httpx

    from cosport.gerrit.credentials import Credentials

T = TypeVar("T")

TRIES: Final = 3
PAUSE: Final = 0.5
"""Seconds before the second try; each further pause is twice as long."""

LARGEST: Final = 64 << 20
"""Bytes of an answer: Gerrit's longest lists stay far below it."""

_PREFIX: Final = b")]}'"
_AGAIN: Final = frozenset({429, 500, 502, 503, 504})
_TOLD: Final = 300
"""Characters of Gerrit's own words that an error repeats."""


def path(*parts: str | int) -> str:
    """A path below the server's root: each part encoded so that it stays one part."""
    return "/" + "/".join(quote(str(part), safe="") for part in parts)


class Client:
    """A connection to one Gerrit. Use it as a context manager.

    `transport` and `sleep` are handed in by tests that inject faults. Raises ConfigError for a URL to which a token
    must not be sent.
    """

    def __init__(
        self,
        url: str,
        account: Credentials | None = None,
        *,
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        import httpx

        parts = _parts(url)
        if account is not None and not credentials.may_travel(url):
            raise ConfigError(f"gerrit.url: {url} is not encrypted: a token is not sent there", hint="use https://")
        self.url = url.rstrip("/")
        self.account = account
        self._sleep = sleep
        self._http = httpx.Client(
            headers={"Accept": "application/json", "User-Agent": "cosport"}
            | ({"Authorization": account.header} if account is not None else {}),
            timeout=timeout,
            transport=transport,
            follow_redirects=False,  # a token is for the server that is configured
            trust_env=parts.scheme == "https",  # else a proxy of the environment would be shown the token
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, where: str, into: type[T], params: Sequence[tuple[str, str]] = ()) -> T:
        """The resource at `where` as a value. Raises GerritError with its status, GerritUnreachable."""
        return _decode(self._ask("GET", where, params=params, tries=TRIES), into, where)

    def find(self, where: str, into: type[T], params: Sequence[tuple[str, str]] = ()) -> T | None:
        """As `get`, and None where Gerrit has no such thing or does not show it to us (404)."""
        try:
            return self.get(where, into, params)
        except GerritError as error:
            if error.status == 404:
                return None
            raise

    def text(self, where: str, params: Sequence[tuple[str, str]] = ()) -> str:
        """A resource that is no JSON, as text."""
        return self._ask("GET", where, params=params, tries=TRIES).removeprefix(_PREFIX).decode("utf-8", "replace")

    def put(self, where: str, body: Any = None, into: type[T] = object) -> T:  # type: ignore[assignment]
        """Set a resource; asking twice is as good as once, so it is tried again where the answer got lost."""
        return _decode(self._ask("PUT", where, body=body, tries=TRIES), into, where)

    def post(self, where: str, body: Any = None, into: type[T] = object) -> T:  # type: ignore[assignment]
        """Do something once. Where the answer got lost it is not done again: the caller looks first what came of it."""
        return _decode(self._ask("POST", where, body=body, tries=1), into, where)

    def _ask(
        self, method: str, where: str, *, tries: int, params: Sequence[tuple[str, str]] = (), body: Any = None
    ) -> bytes:
        for left in range(tries - 1, -1, -1):
            try:
                return self._once(method, where, params, body)
            except GerritUnreachable:
                if not left:
                    raise
                self._sleep(PAUSE * 2 ** (tries - 1 - left))
        raise AssertionError("every try returns or raises")

    def _once(self, method: str, where: str, params: Sequence[tuple[str, str]], body: Any) -> bytes:
        """One request. Raises GerritError for a refusal, GerritUnreachable for what may go better later."""
        import httpx

        data = msgspec.json.encode(body) if body is not None else None
        request = self._http.build_request(
            method,
            ("/a" if self.account is not None else "").join((self.url, where)),
            params=list(params) or None,
            content=data,
            headers={"Content-Type": "application/json; charset=UTF-8"} if data is not None else None,
        )
        try:
            answer = self._http.send(request, stream=True)
            try:
                content = bytearray()
                for chunk in answer.iter_bytes():
                    content += chunk
                    if len(content) > LARGEST:
                        raise GerritError(f"{self.url}{where}: the answer is too large", status=answer.status_code)
            finally:
                answer.close()
        except httpx.TimeoutException as exc:
            raise GerritUnreachable(f"{self.url} did not answer in time", status=0) from exc
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as exc:
            raise GerritUnreachable(f"{self.url}: {_words(str(exc)) or type(exc).__name__}", status=0) from exc
        if answer.status_code < 300:
            return bytes(content)
        raise self._refused(method, where, answer.status_code, bytes(content))

    def _refused(self, method: str, where: str, status: int, content: bytes) -> GerritError:
        said = _words(content.decode("utf-8", "replace"))
        what = f"Gerrit answers {status} to {method} {where}: {said or 'no words'}"
        if status in _AGAIN:
            return GerritUnreachable(what, status=status)
        hints = {
            401: "is the token right, and not expired? see gerrit.token_file",
            403: "the account may not do that: look at its access rights in the project",
            404: "it is not there, or the account may not see it",
        }
        if 300 <= status < 400:
            return GerritError(what, status=status, hint="gerrit.url must be the address that does not redirect")
        return GerritError(what, status=status, hint=hints.get(status, ""))


def _parts(url: str) -> httpx.URL:
    """The parts of a server's address. Raises ConfigError for what is none; a password in it is not repeated."""
    import httpx

    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL as exc:
        raise ConfigError(f"gerrit.url: no URL: {exc}", hint="such as https://gerrit.example.com") from exc
    if parts.userinfo:
        raise ConfigError(
            f"gerrit.url: no account belongs into the address of {parts.host}",
            hint="put USER:TOKEN into gerrit.token_file",
        )
    if parts.scheme not in ("http", "https") or not parts.host or parts.query or parts.fragment:
        raise ConfigError(f"gerrit.url: {url!r} is no URL of a server", hint="such as https://gerrit.example.com")
    return parts


def _decode(data: bytes, into: type[T], where: str) -> T:
    body = data.removeprefix(_PREFIX)
    if into is object:
        return None  # type: ignore[return-value]
    try:
        return msgspec.json.decode(body, type=into)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:  # a proxy's page with status 200, or a cut answer
        raise GerritUnreachable(
            f"{where}: the answer is not what Gerrit gives: {_words(str(exc))}", status=200
        ) from exc


def _words(text: str) -> str:
    return " ".join(text.split())[:_TOLD]
