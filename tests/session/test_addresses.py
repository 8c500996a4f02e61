import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_enhance import ConfigurationError, ProtocolError
from audio_enhance._session.addresses import Reach, check_own, on_the_wire, origin

SIGNED = (
    "https://b.s3-accelerate.amazonaws.com/Assets/3445%2fd7?X-Amz-Credential=ASIA%2F2024%2Fs3"
    "&X-Amz-Security-Token=Fwo%2B%2f%3d%7E~%3A%40%2C%24%3F%2A%21%27%28%29&X-Amz-SignedHeaders="
    "content-length%3Bhost&X-Amz-Signature=45bad"
)


class TestOrigins:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("https://api.adobe.io/a?b", "https://API.adobe.io:443/c"),
            ("http://127.0.0.1/", "http://127.0.0.1:80"),
            ("http://[::1]:8080/a", "http://[::1]:8080/b"),
        ],
    )
    def test_same(self, one: str, other: str) -> None:
        assert origin(one) == origin(other)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("https://api.adobe.io", "http://api.adobe.io"),
            ("https://api.adobe.io", "https://api.adobe.io:444"),
            ("https://api.adobe.io", "https://api.adobe.io.evil.example"),
            ("https://api.adobe.io", "https://api.adobe.io@evil.example"),
            ("https://api.adobe.io", "https://evil.example/api.adobe.io"),
            ("https://api.adobe.io", "https://evil.example#@api.adobe.io"),
            ("https://api.adobe.io", "https://evil.example?@api.adobe.io"),
            ("http://127.0.0.1:80", "http://localhost:80"),
        ],
    )
    def test_different(self, one: str, other: str) -> None:
        assert origin(one) != origin(other)


class TestOwnAddresses:
    @pytest.mark.parametrize(
        ("given", "used"),
        [
            ("https://firefly-beta.adobe.io", "https://firefly-beta.adobe.io"),
            ("https://firefly-beta.adobe.io/", "https://firefly-beta.adobe.io"),
            ("https://gateway.example/adobe/", "https://gateway.example/adobe"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ],
    )
    def test_usable(self, given: str, used: str) -> None:
        assert check_own(given, "base URL") == used

    @pytest.mark.parametrize(
        "given",
        [
            "",
            "firefly-beta.adobe.io",
            "ftp://host",
            "https://",
            "https:///path",
            "https://host:99999",
            "https://host:port",
            "https://a..b",
            "https://.host",
            f"https://{'a' * 64}.example",
            "https://host:0",
            "https://ho st",
            "https://host/a b",
            "https://höst",
            "https://host/?a=b",
            "https://host/#a",
            "https://[::1",
            "https://host\n",
            "https://host/%zz",
        ],
    )
    def test_unusable(self, given: str) -> None:
        with pytest.raises(ConfigurationError, match="base URL"):
            check_own(given, "base URL")

    def test_a_password_in_it_is_refused_and_not_told(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            check_own("https://someone:s3cr3t@host", "base URL")
        assert "s3cr3t" not in str(caught.value)


PUBLIC = Reach.of("https://api.example")
ANYWHERE = Reach.of("http://127.0.0.1:8080")
PRIVATE = [
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[::127.0.0.1]",
    "localhost",
    "bucket.localhost",
    "127.0.0.1",
    "127.9.9.9",
    "127.1",
    "2130706433",
    "[::1]",
    "[::ffff:10.0.0.1]",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "[fe80::1]",
    "[fd00::1]",
]


class TestAddressesOfServers:
    def test_a_presigned_url_stays_as_it_is(self) -> None:
        assert PUBLIC.checked(SIGNED) == SIGNED
        assert PUBLIC.checked(f"{SIGNED}&a=?") == f"{SIGNED}&a=?"
        assert PUBLIC.checked("https://host/k?") == "https://host/k?"

    @pytest.mark.parametrize(
        ("given", "target"),
        [
            ("/k?a=%2F", "https://api.example/k?a=%2F"),
            ("k?a=%2f", "https://api.example/audio/k?a=%2f"),
            ("//s3.example/k", "https://s3.example/k"),
        ],
    )
    def test_relative_ones_are_the_apis(self, given: str, target: str) -> None:
        assert Reach.of("https://api.example/audio").checked(given) == target

    @pytest.mark.parametrize("host", ["s3.example", *PRIVATE])
    def test_plain_ones_only_where_the_api_is_plain_too(self, host: str) -> None:
        with pytest.raises(ProtocolError, match="unencrypted"):
            PUBLIC.checked(f"http://{host}/k")
        with pytest.raises(ProtocolError, match="unencrypted"):
            Reach.of("https://127.0.0.1").checked(f"http://{host}/k")
        assert Reach.of("http://api.example").checked(f"http://{host}/k")

    @pytest.mark.parametrize("host", PRIVATE)
    def test_private_ones_only_where_the_api_is_private_too(self, host: str) -> None:
        url = f"https://{host}:9000/k"
        with pytest.raises(ProtocolError, match="private"):
            PUBLIC.checked(url)
        with pytest.raises(ProtocolError, match="private"):
            PUBLIC.next_hop("https://s3.example/k", url)
        for api in ("https://127.0.0.1", "https://10.0.0.7/audio", "http://localhost:8080"):
            assert Reach.of(api).checked(url) == url

    @pytest.mark.parametrize(
        "host", ["8.8.8.8", "[2600::1]", "[64:ff9b::808:808]", "localhost.example", "10.example"]
    )
    def test_which_are_not_private(self, host: str) -> None:
        assert PUBLIC.checked(f"https://{host}/k")

    @pytest.mark.parametrize(
        "url",
        [
            "ftp://host/k",
            "file:///etc/passwd",
            "https:///k",
            "https://user@host/k",
            "https://host:99999/k",
            "https://a..b/k",
            f"https://{'a' * 64}.example/k",
            "https://[::1/k",
            "https://host/a b",
            "https://host/ä",
            "https://host/k?a=%",
            "https://host/k?a=%2",
            "https://host/k?a=%GG",
            "https://host/k\r\nX: y",
            "https://host/<k>",
            'https://host/"k"',
            "https://host\\@other/k",
        ],
    )
    def test_malformed_ones(self, url: str) -> None:
        with pytest.raises(ProtocolError):
            ANYWHERE.checked(url)

    def test_an_address_in_an_error_has_no_query(self) -> None:
        with pytest.raises(ProtocolError) as caught:
            PUBLIC.checked(SIGNED + " ")
        assert "45bad" not in str(caught.value)


class TestRedirects:
    @pytest.mark.parametrize(
        ("location", "target"),
        [
            (SIGNED, SIGNED),
            ("https://host/k?a=%2F%2f~%7E", "https://host/k?a=%2F%2f~%7E"),
            ("https://host//k//l/../m;n?o", "https://host//k//l/../m;n?o"),
            ("/k?a=%2F", "https://api.example/k?a=%2F"),
            ("k?a=%3B", "https://api.example/v1/k?a=%3B"),
            ("../k", "https://api.example/k"),
            ("?a=%2B", "https://api.example/v1/download?a=%2B"),
            ("//other.example/k?a=%2F", "https://other.example/k?a=%2F"),
        ],
    )
    def test_where_they_lead(self, location: str, target: str) -> None:
        found = PUBLIC.next_hop("https://api.example/v1/download", location)
        assert found == target

    def test_nowhere(self) -> None:
        with pytest.raises(ProtocolError, match="without saying where"):
            PUBLIC.next_hop("https://api.example/d", "")

    @pytest.mark.parametrize("reach", [PUBLIC, ANYWHERE])
    @pytest.mark.parametrize("host", ["other.example", "127.0.0.1"])
    def test_never_from_https_to_http(self, host: str, reach: Reach) -> None:
        with pytest.raises(ProtocolError):
            reach.next_hop("https://api.example/d", f"http://{host}/k")

    def test_from_http_to_either(self) -> None:
        for target in ("http://127.0.0.1:9000/k", "https://b.example/k"):
            assert ANYWHERE.next_hop("http://127.0.0.1:8080/d", target) == target

    @pytest.mark.parametrize("location", ["https://ho st/k", "http://[::1", "https://h:x/", "a b"])
    def test_malformed(self, location: str) -> None:
        with pytest.raises(ProtocolError):
            PUBLIC.next_hop("https://api.example/d", location)


# Everything that yarl rewrites in a URL that is given as a text, and then some.
TRAPS = [
    "%2F",
    "%2f",
    "%3A",
    "%40",
    "%2C",
    "%7E",
    "%24",
    "%3F",
    "%2A",
    "%21",
    "%27",
    "%28",
    "%29",
    "%2B",
    "+",
    "%20",
    "%3B",
    ";",
    "%3D",
    "=",
    "%26",
    "~",
    "%25",
    "%00",
    "/",
    "//",
    "/../",
    "/./",
]


@given(path=st.lists(st.sampled_from(TRAPS)), query=st.lists(st.sampled_from(TRAPS)))
def test_no_byte_changes_on_the_way_to_the_wire(path: list[str], query: list[str]) -> None:
    target = f"/k{''.join(path)}?q={''.join(query)}&r"
    url = f"https://host{target}"
    assert PUBLIC.checked(url) == url
    assert str(on_the_wire(url)) == url
    assert on_the_wire(url).raw_path_qs == target
