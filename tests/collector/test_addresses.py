"""Which addresses may be connected to, in all the forms in which one can be written."""

import ipaddress
import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from collector.addresses import AllowList, literal, refusal
from collector.connections import Gate, RefusedAddress
from collector.errors import FetchFailed
from collector.fetching import Fetcher, Want
from collector.loops import run_to_end
from collector.web_url import web_url
from label_store import UsageError

NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
PRIVATE = [
    "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "100.100.100.200", "0.0.0.0", "255.255.255.255", "224.0.0.1", "239.1.1.1", "198.18.0.1", "168.63.129.16",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1",
    "2001:db8::1", "2001:0:53aa:64c::1", "fec0::1", "::127.0.0.1", "not an address",
    # Networks at their edges: shared, benchmarks, documentation, reserved, broadcast, protocol assignments, relays.
    "100.127.255.255", "172.31.255.255", "198.19.255.255", "192.0.2.1", "198.51.100.1", "203.0.113.255", "240.0.0.1",
    "0.1.2.3", "192.0.0.8", "192.0.0.170", "192.88.99.1", "3fff::1", "100::1", "5f00::1", "2001:10::1", "2001:2::1",
    # Where clouds tell their machines about themselves.
    "169.254.170.2", "169.254.0.23", "192.0.0.192", "::ffff:168.63.129.16", "fd20:ce::254",
    # IPv4 inside: mapped, translated, compatible, local NAT64, 6to4, Teredo, ISATAP.
    "::ffff:7f00:1", "::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8", "::8.8.8.8", "64:ff9b::10.0.0.1", "64:ff9b:1::7f00:1",
    "64:ff9b:1:ffff::8.8.8.8", "2002:e000:1::", "2002:a9fe:a9fe::", "2001::1", "2001:0:7f00:1::", "2600::5efe:7f00:1",
    "2600::200:5efe:a00:1", "fe80::5efe:808:808", "ff05::1:3", "ff0e::1", "febf::1", "fdff::1",
]  # fmt: skip
PUBLIC = [
    "8.8.8.8", "93.184.216.34", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8", "2002:808:808::1",
    "100.63.255.255", "100.128.0.1", "172.32.0.1", "11.0.0.1", "2600::5efe:808:808", "3ffe::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_refused(address: str) -> None:
    assert refusal(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_not(address: str) -> None:
    assert refusal(address) is None


@given(st.ip_addresses(v=4))
def test_an_address_carried_inside_another_is_judged_alike(inner: ipaddress.IPv4Address) -> None:
    plain = refusal(str(inner)) is None
    for outer in (
        f"::ffff:{inner}",
        f"64:ff9b::{inner}",
        str(ipaddress.IPv6Address((0x2002 << 112) | int(inner) << 80)),
    ):
        assert (refusal(outer) is None) == plain


@given(st.ip_addresses(v=4))
def test_every_old_form_of_an_address_means_the_same(address: ipaddress.IPv4Address) -> None:
    a, b, c, d = address.packed
    forms = [
        str(address), f"{address}.", str(int(address)), hex(int(address)), f"0{int(address):o}",
        f"{a}.{b << 16 | c << 8 | d}", f"{a:#x}.{b:#x}.{c:#x}.{d:#x}", f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
    ]  # fmt: skip
    assert {literal(form) for form in forms} == {str(address)}


URLS = """http://127.0.0.1/ http://2130706433/ http://0x7f.1/ http://017700000001/ http://127.1/ http://127.0.1/
http://0177.0.0.1/ http://0177.0.0.0x1/ http://0x7f.0x0.0x0.0x1/ http://127.0x0.0.1/ http://127.0.0.01/
http://0127.0.0.1/ http://00000000127.0.0.1/ http://0/ http://0.0.0.0/ http://0x0/ http://00/ http://4294967295/
http://0xffffffff/ http://0XA9FEA9FE/ http://2852039166/ http://0251.0376.0251.0376/ http://169.254.43518/
http://a@127.0.0.1/ http://public.example@10.0.0.1/ http://a:b@127.0.0.1/ http://example.org:80@127.0.0.1/
http://127.0.0.1#@example.org/ http://127.0.0.1?@example.org/ http://127.0.0.1./ http://127.0.0.1.../
http://①②⑦.⓪.⓪.①/ http://１２７.０.０.１/ http://127。0。0。1/ http://127．0．0．1/ http://127｡0｡0｡1/ http://𝟏𝟐𝟕.𝟎.𝟎.𝟏/
http://[::1]/ http://[::]/ http://[0:0:0:0:0:0:0:1]/ http://[::ffff:127.0.0.1]/ http://[::ffff:7f00:1]/
http://[::FFFF:A9FE:A9FE]/ http://[::ffff:0:127.0.0.1]/ http://[::127.0.0.1]/ http://[64:ff9b::127.0.0.1]/
http://[64:ff9b:1::7f00:1]/ http://[2002:7f00:1::]/ http://[2001::1]/ http://[fd00:ec2::254]/ http://[fec0::1]/
http://[fe80::1%25eth0]/ http://[::1%25lo]/ http://[::1%lo]/ http://[ff02::1]/ http://[2600::5efe:7f00:1]/
http://[::ffff:0x7f.1]/ http://%31%32%37.0.0.1/ http://127%2e0%2e0%2e1/ http://127.0.0.1%2e/
http://127.0.0.1%00.example.org/ http://4294967296/ http://0x100000000/
http://256.256.256.256/ http://127.0.0.256/ http://1.1.1.1.1/ http://08.8.8.8/ http://1.2.3.08/ http://a.0x7f/
http://example.1/ http://1.2.3/ http://134744072/ https://169.254.169.254/latest/ http://100.64.0.1/
http://255.255.255.255/ http://224.0.0.1/ http://192.0.0.192/ file:///etc/passwd ftp://example.org/a.jpg
gopher://example.org/ //example.org/x http:///x data:,x"""


@pytest.mark.parametrize("url", URLS.split())
def test_the_gate_refuses_before_dns_is_asked(url: str) -> None:
    with pytest.raises(FetchFailed) as failed:
        Gate(AllowList()).check_url(URL(url))
    assert failed.value.reason == "private_address"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1\\@example.org/", "http://example.org\\@127.0.0.1/", "http:\\\\127.0.0.1/",
        "http:/\\127.0.0.1",
        "http://[127.0.0.1]/", "http://127.0.0.1:80:80/", "http://127.0.0.1:99999/", "http://[::1/",
    ],
)  # fmt: skip
def test_what_parsers_disagree_about_is_no_url(url: str) -> None:
    async def go() -> None:
        async with Fetcher(
            user_agent="Cairn/test", allow=AllowList(), delay=0, per_host=1, in_flight=1, timeout=5
        ) as fetcher:
            await fetcher.get(url, Want("image/*", 1000))

    with pytest.raises(FetchFailed) as failed:
        run_to_end(go())
    assert failed.value.reason in ("http_4xx", "private_address")


@pytest.mark.parametrize(
    "url",
    ["http://example.org/", "https://8.8.8.8/", "http://[2606:4700::1111]/", "http://1.example/", "http://0xe.example/",
     "http://münchen.example./", "http://user:pass@example.org:8080/", "http://xn--mnchen-3ya.example/"],
)  # fmt: skip
def test_the_gate_lets_names_and_public_addresses_pass(url: str) -> None:
    Gate(AllowList()).check_url(URL(url))


class Answers(AbstractResolver):
    """A name server under somebody else's control."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host=one, port=port, family=socket.AF_INET6 if ":" in one else socket.AF_INET, proto=0,
                flags=0,
            )
            for one in self.addresses
        ]  # fmt: skip

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "ⓛocalhost", "ℓocalhost", "inside.example"])
@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["93.184.216.34", "::1"], ["64:ff9b:1::7f00:1"], ["0.0.0.0"]])
def test_a_name_is_refused_when_any_of_its_addresses_is_private(host: str, addresses: list[str]) -> None:
    async def go() -> None:
        async with Fetcher(
            user_agent="Cairn/test", allow=AllowList(), delay=0, per_host=1, in_flight=1, timeout=5,
            resolver=Answers(*addresses),
        ) as fetcher:  # fmt: skip
            await fetcher.get(f"http://{host}:1/a.jpg", Want("image/*", 1000, robots=False, mining=False))

    with pytest.raises(FetchFailed) as failed:
        run_to_end(go())
    assert (failed.value.reason, failed.value.may_pass) == ("private_address", False)


def test_the_names_of_this_machine_are_refused_as_the_system_resolves_them() -> None:
    async def go() -> str:
        async with Fetcher(
            user_agent="Cairn/test", allow=AllowList(), delay=0, per_host=1, in_flight=1, timeout=5
        ) as fetcher:
            with pytest.raises(FetchFailed) as failed:
                await fetcher.get("http://localhost:1/a.jpg", Want("image/*", 1000, robots=False, mining=False))
            return failed.value.reason

    assert run_to_end(go()) == "private_address"


@given(st.ip_addresses(v=6))
def test_an_address_of_ipv6_is_public_only_within_the_global_unicast_range(address: ipaddress.IPv6Address) -> None:
    if refusal(str(address)) is None and address.ipv4_mapped is None and address not in NAT64:
        assert address in ipaddress.IPv6Network("2000::/3")
        # 6to4 carries an IPv4 address, which is what is judged; older Pythons call all of it private.
        assert address.is_global or address.sixtofour is not None


@example("[]@")
@given(st.text(alphabet="0123456789abcdefx.:%[]@\\/。①", max_size=24))
def test_whatever_a_host_looks_like_it_is_a_public_address_a_name_or_refused(host: str) -> None:
    try:
        url = web_url(f"http://{host}/")
        Gate(AllowList()).check_url(url)
    except (FetchFailed, ValueError):
        return
    name = url.raw_host or ""
    if name.replace(".", "").isdigit() or ":" in name:  # what aiohttp connects to without asking a resolver
        assert refusal(name) is None


def test_only_the_named_port_of_an_allowed_host_is_open() -> None:
    gate = Gate(AllowList.parse(["localhost:8080", "[::1]:90", "10.1.0.0/16"]))
    gate.check("localhost", 8080, "127.0.0.1")
    gate.check("::1", 90, "::1")
    gate.check("inside.example", 80, "10.1.2.3")
    for host, port, address in (("localhost", 8081, "127.0.0.1"), ("other", 8080, "127.0.0.1"), ("x", 80, "10.2.0.1")):
        with pytest.raises(RefusedAddress):
            gate.check(host, port, address)
    gate.open_socket((2, 1, 6, "", ("127.0.0.1", 8080))).close()
    with pytest.raises(RefusedAddress):
        gate.open_socket((2, 1, 6, "", ("127.0.0.1", 8081)))


@pytest.mark.parametrize("entry", ["host:port", ":80", "10.0.0.1/8", ""])
def test_a_wrong_entry_of_allow_hosts_is_named(entry: str) -> None:
    with pytest.raises(UsageError, match="allow_hosts"):
        AllowList.parse([entry])
