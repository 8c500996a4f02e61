"""Foreign names and foreign pages are refused, and browsers are told to be strict."""

import re
from html.parser import HTMLParser
from itertools import product

import pytest
from yarl import URL

from audio_enhance.web._guard import HEADERS

from .support import OWN, Site, Visitor, new_id

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_every_answer_tells_browsers_to_be_strict(visitor: Visitor) -> None:
    for path in ("", "static/main.js", "static/no.js", "nothing", "events", "recordings/x/result"):
        async with visitor.session.get(visitor.url + path) as response:
            for name, value in HEADERS.items():
                assert response.headers[name] == value, path


async def test_the_policy_allows_nothing_from_elsewhere_and_nothing_inline() -> None:
    policy = HEADERS["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "http" not in policy
    assert directives["frame-ancestors"] == "'none'"


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.addresses: list[str] = []
        self._within: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = tag
        for name, value in attrs:
            if name == "style" or name.startswith("on"):
                self.inline.append(f"{tag} {name}")
            if name in ("src", "href", "action", "srcset"):
                self.addresses.append(value or "")

    def handle_data(self, data: str) -> None:
        if self._within in ("script", "style") and data.strip():
            self.inline.append(data)


async def test_the_page_has_nothing_inline_and_names_nothing_elsewhere(visitor: Visitor) -> None:
    answer = await visitor.call("GET", "")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    page = _Page()
    page.feed(answer.body.decode())
    assert page.inline == []
    assert len(page.addresses) >= 3
    for address in page.addresses:
        assert not URL(address).absolute
        assert not address.startswith("/")
        assert (await visitor.call("GET", address)).status == 200


async def test_scripts_and_styles_name_nothing_elsewhere(visitor: Visitor) -> None:
    seen: set[str] = set()
    wanted = ["main.js", "style.css", "microphone-worklet.js", "icon.svg"]
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        answer = await visitor.call("GET", f"static/{name}")
        assert answer.status == 200, name
        text = answer.body.decode().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|\burl\(|@import|innerHTML|\beval\(", text), name
        wanted += re.findall(r'from "\./([\w.-]+)"', text)
    assert len(seen) > 15


async def test_other_names_are_refused(visitor: Visitor) -> None:
    hosts = ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil", "[", ""]
    for host, method in product(hosts, ["GET", "PUT"]):
        answer = await visitor.call(method, "", headers={"Host": host})
        assert (answer.status, answer.json["code"]) == (421, "host"), host


async def test_names_of_this_machine_are_fine(visitor: Visitor) -> None:
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8000"):
        assert (await visitor.call("GET", "", headers={"Host": host})).status == 200, host


async def test_other_pages_cannot_change_anything(visitor: Visitor) -> None:
    requests = [
        ("PUT", "recordings/{}"),
        ("PUT", "recordings/{}/audio"),
        ("POST", "recordings/{}/cancel"),
        ("DELETE", "recordings/{}"),
    ]
    foreign = [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "http://127.0.0.1"},  # another port is another origin
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ]
    for (method, path), headers in product(requests, foreign):
        answer = await visitor.call(method, path.format(new_id()), headers=headers)
        assert (answer.status, answer.json["code"]) == (403, "origin"), (method, headers)


async def test_other_pages_cannot_embed_anything(visitor: Visitor) -> None:
    paths = ["events", "recordings/x/result", "sample", "static/main.js"]
    # Another port is the same site, and cookies do not know ports.
    for path, site in product(paths, ["cross-site", "same-site"]):
        headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
        async with visitor.session.get(visitor.url + path, headers=headers) as response:
            assert response.status == 403
            assert "Set-Cookie" not in response.headers


async def test_other_pages_may_link_to_the_page(visitor: Visitor) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    async with visitor.session.get(visitor.url, headers=headers) as response:
        assert response.status == 200


async def test_what_a_form_could_send_changes_nothing(site: Site, visitor: Visitor) -> None:
    async with visitor.session.put(f"{site.url}recordings/{new_id()}", data=b"{}") as response:
        assert response.status == 403


async def test_the_own_page_may(site: Site, visitor: Visitor) -> None:
    own = {"Origin": site.url.rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    answer = await visitor.call("DELETE", f"recordings/{new_id()}", headers=own | OWN)
    assert answer.status == 404


async def test_a_mistake_of_ours_is_an_answer_with_the_same_headers(
    site: Site,
    visitor: Visitor,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def mistake(*_: object) -> None:
        raise KeyError("mistake")

    monkeypatch.setattr(site.app.state.studio, "announce", mistake)
    answer = await visitor.announce()
    assert (answer.status, answer.json["code"]) == (500, "failed")
    assert HEADERS.items() <= answer.headers.items()
    assert "mistake" not in answer.body.decode()
    assert "KeyError: 'mistake'" in caplog.text
