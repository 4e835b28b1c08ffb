"""Which addresses may be connected to, in all the forms in which one can be written."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from collector.addresses import AllowList, literal, refusal
from collector.connections import Gate, RefusedAddress
from collector.errors import FetchFailed
from label_store import UsageError

PRIVATE = [
    "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "100.100.100.200", "0.0.0.0", "255.255.255.255", "224.0.0.1", "239.1.1.1", "198.18.0.1", "168.63.129.16",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1",
    "2001:db8::1", "2001:0:53aa:64c::1", "fec0::1", "::127.0.0.1", "not an address",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8", "2002:808:808::1"]


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


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://2130706433/", "http://0x7f.1/", "http://017700000001/", "http://127.1/",
        "http://a@127.0.0.1/", "http://public.example@10.0.0.1/", "http://[::1]/", "http://[::ffff:127.0.0.1]/",
        "http://①②⑦.⓪.⓪.①/", "http://127.0.0.1./", "http://[fe80::1%25eth0]/", "https://169.254.169.254/latest/",
        "file:///etc/passwd", "ftp://example.org/a.jpg", "gopher://example.org/", "//example.org/x", "http:///x",
        "http://134744072/",
    ],
)  # fmt: skip
def test_the_gate_refuses_before_dns_is_asked(url: str) -> None:
    with pytest.raises(FetchFailed) as failed:
        Gate(AllowList()).check_url(URL(url))
    assert failed.value.reason == "private_address"


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
