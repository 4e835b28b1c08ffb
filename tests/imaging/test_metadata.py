"""What is read inside files: author, rights, licence, the data-mining choice and the place, and nothing that harms."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, PngImagePlugin, TiffImagePlugin

from imaging import FileMetadata, file_metadata
from imaging.decode import decode
from imaging.iptc import iim_in_resources, read_iim
from imaging.metadata import NOTHING
from imaging.xmp import MAX_BYTES, read_xmp
from tests.imaging.pictures import file_bytes, scene

PICTURE = scene(1, 32, 24)
DC_RIGHTS = "http://purl.org/dc/elements/1.1/ rights"
HEAD = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/"
xmlns:r="http://ns.adobe.com/xap/1.0/rights/" xmlns:cc="http://creativecommons.org/ns#"
xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" xmlns:ps="http://ns.adobe.com/photoshop/1.0/">"""
TAIL = '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'


def packet(content: str, attributes: str = "") -> bytes:
    return f"{HEAD}<rdf:Description rdf:about='' {attributes}>{content}</rdf:Description>{TAIL}".encode()


FULL = packet(
    "<dc:creator><rdf:Seq><rdf:li>Ada  Quist</rdf:li><rdf:li>Bo</rdf:li></rdf:Seq></dc:creator>"
    "<dc:rights><rdf:Alt><rdf:li xml:lang='de'>Alle Rechte</rdf:li><rdf:li xml:lang='x-default'>© 2024 Ada</rdf:li>"
    "</rdf:Alt></dc:rights><cc:license rdf:resource='https://creativecommons.org/licenses/by/4.0/'/>"
    "<plus:DataMining>http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-AIMLTRAINING</plus:DataMining>"
)
SAID = FileMetadata(
    "Ada Quist, Bo",
    "© 2024 Ada",
    "https://creativecommons.org/licenses/by/4.0/",
    "DMI-PROHIBITED-AIMLTRAINING",
)


def exif(**tags: object) -> Image.Exif:
    made = Image.Exif()
    for name, value in tags.items():
        if name != "gps":
            made[ExifTags.Base[name]] = value
    if "gps" in tags:
        made.get_ifd(ExifTags.IFD.GPSInfo).update(tags["gps"])  # type: ignore[arg-type]
    return made


def gps(latitude: tuple[float, ...], north: str, longitude: tuple[float, ...], east: str) -> dict[int, object]:
    return {1: north, 2: latitude, 3: east, 4: longitude}


def dataset(number: int, value: bytes, record: int = 2) -> bytes:
    return bytes((0x1C, record, number)) + len(value).to_bytes(2) + value


def resource(content: bytes, kind: int = 0x0404) -> bytes:
    return b"8BIM" + kind.to_bytes(2) + b"\0\0" + len(content).to_bytes(4) + content + b"\0" * (len(content) % 2)


def with_iptc(*datasets: bytes) -> bytes:
    """A JPEG with an APP13 segment, as Photoshop writes it."""
    jpeg = file_bytes(PICTURE, "JPEG")
    body = b"Photoshop 3.0\0" + resource(b"12345", 0x0BB7) + resource(b"".join(datasets))
    return jpeg[:2] + b"\xff\xed" + (len(body) + 2).to_bytes(2) + body + jpeg[2:]


def png_text(key: str, text: str) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_itxt(key, text)
    return info


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
def test_xmp_says_author_rights_licence_and_the_data_mining_choice(kind: str) -> None:
    found = file_metadata(file_bytes(PICTURE, kind, xmp=FULL))
    assert found == SAID
    assert found.prohibits_mining
    assert found.words == "https://creativecommons.org/licenses/by/4.0/; © 2024 Ada"


def test_xmp_is_found_in_png_and_tiff() -> None:
    assert file_metadata(file_bytes(PICTURE, "PNG", pnginfo=png_text("XML:com.adobe.xmp", FULL.decode()))) == SAID
    assert file_metadata(file_bytes(PICTURE, "TIFF", tiffinfo={700: FULL})) == SAID


def test_a_picture_that_is_open_says_the_same_as_its_bytes() -> None:
    data = file_bytes(PICTURE, "JPEG", xmp=FULL, exif=exif(Artist="other"))
    assert file_metadata(decode(data).image) == file_metadata(data) == SAID


def test_properties_may_be_attributes_and_the_licence_may_be_a_statement_or_terms() -> None:
    attributes = "r:WebStatement='https://site.example/terms' plus:DataMining='http://x/DMI-ALLOWED' ps:Credit='Agency'"
    found = file_metadata(file_bytes(PICTURE, "JPEG", xmp=packet("", attributes)))
    assert found == FileMetadata("Agency", None, "https://site.example/terms", "DMI-ALLOWED")
    assert not found.prohibits_mining
    terms = packet("<r:UsageTerms><rdf:Alt><rdf:li>Ask me</rdf:li></rdf:Alt></r:UsageTerms>")
    assert file_metadata(file_bytes(PICTURE, "JPEG", xmp=terms)).license == "Ask me"


@pytest.mark.parametrize(
    ("choice", "prohibited"),
    [
        ("DMI-UNSPECIFIED", False), ("DMI-ALLOWED", False), ("DMI-PROHIBITED", True),
        ("DMI-PROHIBITED-AIMLTRAINING", True), ("DMI-PROHIBITED-GENAIMLTRAINING", True),
        ("DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING", True), ("DMI-PROHIBITED-SEECONSTRAINT", True),
        ("DMI-PROHIBITED-SEEEMBEDDEDRIGHTSEXPR", True), ("DMI-PROHIBITED-SEELINKEDRIGHTSEXPR", True),
        ("anything else", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["<plus:DataMining>{}</plus:DataMining>", "<plus:DataMining rdf:resource='{}'/>"])
def test_every_choice_of_the_plus_vocabulary_is_understood(choice: str, prohibited: bool, form: str) -> None:
    said = packet(form.format(f"http://ns.useplus.org/ldf/vocab/{choice}"))
    assert file_metadata(file_bytes(PICTURE, "JPEG", xmp=said)).prohibits_mining == prohibited


def test_where_two_choices_stand_the_one_that_prohibits_counts() -> None:
    both = packet("<plus:DataMining>DMI-ALLOWED</plus:DataMining><plus:DataMining>DMI-PROHIBITED</plus:DataMining>")
    assert file_metadata(file_bytes(PICTURE, "JPEG", xmp=both)).prohibits_mining


def test_iptc_says_author_and_rights_where_xmp_does_not() -> None:
    said = (dataset(80, "Ada Müller".encode()), dataset(80, b"Bo"), dataset(116, b"\xa9 Agency"), dataset(110, b"Desk"))
    found = file_metadata(with_iptc(dataset(90, b"\x1b%G", record=1), *said))
    assert found == FileMetadata("Ada Müller, Bo", "© Agency")


def test_iptc_is_found_in_tiff_and_in_pngs_of_imagemagick() -> None:
    iim = dataset(80, b"Ada") + dataset(116, b"Mine")
    raw = TiffImagePlugin.ImageFileDirectory_v2()
    raw[33723] = iim
    raw.tagtype[33723] = 7
    assert file_metadata(file_bytes(PICTURE, "TIFF", tiffinfo=raw)) == FileMetadata("Ada", "Mine")
    profile = f"\niptc\n{len(iim):8}\n{resource(iim).hex()}\n"
    png = file_bytes(PICTURE, "PNG", pnginfo=png_text("Raw profile type iptc", profile))
    assert file_metadata(png) == FileMetadata("Ada", "Mine")


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "PNG", "AVIF"])
def test_exif_says_author_rights_and_place(kind: str) -> None:
    place = gps((52.0, 30.0, 36.0), "N", (13.0, 22.5, 0.0), "W")
    made = exif(Artist="Ada Müller".encode(), Copyright="Ada\0Editor", gps=place)
    found = file_metadata(file_bytes(PICTURE, kind, exif=made))
    assert found == FileMetadata("Ada Müller", found.rights, None, None, 52.51, -13.375)
    assert (found.rights or "").startswith("Ada")


def test_the_tags_of_a_tiff_are_its_exif() -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[ExifTags.Base.Artist] = "Ada"
    tags[ExifTags.IFD.GPSInfo] = gps((52.0, 30.0, 36.0), "S", (13.0, 22.5, 0.0), "E")  # type: ignore[assignment]
    data = file_bytes(PICTURE, "TIFF", tiffinfo=tags)
    said = FileMetadata("Ada", latitude=-52.51, longitude=13.375)
    assert file_metadata(data) == said
    assert file_metadata(decode(data).image) == said


@pytest.mark.parametrize(
    "place",
    [
        gps((0.0, 0.0, 0.0), "N", (0.0, 0.0, 0.0), "E"),
        gps((91.0, 0.0, 0.0), "N", (1.0, 0.0, 0.0), "E"),
        gps((1.0, 0.0, 0.0), "N", (1.0, 181 * 60.0, 0.0), "E"),
        gps((1.0, 0.0), "N", (1.0, 0.0, 0.0), "E"),
        gps((1.0, 0.0, 0.0), "?", (1.0, 0.0, 0.0), "E"),
        {1: "N", 2: (1.0, 0.0, 0.0)},
        {2: (1.0, 0.0, 0.0), 4: (1.0, 0.0, 0.0)},
    ],
)
def test_a_place_that_is_none_is_left_out_whole(place: dict[int, object]) -> None:
    found = file_metadata(file_bytes(PICTURE, "JPEG", exif=exif(gps=place)))
    assert (found.latitude, found.longitude) == (None, None)


def test_a_division_by_zero_is_no_place() -> None:
    nowhere = TiffImagePlugin.IFDRational(0, 0)
    place = gps((nowhere, nowhere, nowhere), "N", (1.0, 0.0, 0.0), "E")  # type: ignore[arg-type]
    assert file_metadata(file_bytes(PICTURE, "JPEG", exif=exif(gps=place))).latitude is None


def test_texts_of_a_png_count_also_after_its_pixels() -> None:
    info = PngImagePlugin.PngInfo()
    info.add(b"tEXt", b"Author\0Ada", after_idat=True)
    info.add(b"tEXt", b"Copyright\0Mine", after_idat=True)
    assert file_metadata(file_bytes(PICTURE, "PNG", pnginfo=info)) == FileMetadata("Ada", "Mine")


def test_words_are_cleaned_and_cut() -> None:
    said = file_metadata(file_bytes(PICTURE, "JPEG", exif=exif(Artist="a\x07b\n  c" + "d" * 5000)))
    assert (said.creator or "").startswith("ab cd")
    assert len(said.creator or "") == 1000


LAUGHS = "<!DOCTYPE l [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {chr(98 + n)} '{('&' + chr(97 + n) + ';') * 10}'>" for n in range(12)
)
STOLEN = "<!DOCTYPE l [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"


@pytest.mark.parametrize("head", [LAUGHS + "]>", STOLEN, "<!DOCTYPE l SYSTEM 'http://127.0.0.1:1/x.dtd'>"])
def test_no_entity_is_ever_expanded_or_loaded(head: str) -> None:
    said = head + HEAD.partition("?>")[2] + "<rdf:Description><dc:rights>&a;&m;</dc:rights></rdf:Description>" + TAIL
    assert read_xmp(said, {DC_RIGHTS}) == {}
    assert file_metadata(file_bytes(PICTURE, "WEBP", xmp=said.encode())) == NOTHING


def test_huge_deep_and_endless_packets_cost_little() -> None:
    many = packet("<dc:rights><rdf:Bag>" + "<rdf:li>x</rdf:li>" * 50_000 + "</rdf:Bag></dc:rights>")
    assert len(read_xmp(many, {DC_RIGHTS})[DC_RIGHTS]) == 64
    assert read_xmp(packet("<dc:rights>" + "<a>" * 300_000), {DC_RIGHTS}) == {}
    assert read_xmp(packet("<dc:rights>" + "x" * MAX_BYTES), {DC_RIGHTS}) == {}
    assert len(read_xmp(packet("<dc:rights>" + "x" * 900_000 + "</dc:rights>"), {DC_RIGHTS})[DC_RIGHTS][0]) <= 4000
    assert read_xmp(packet("<a " + " ".join(f"b{n}='c'" for n in range(60_000)) + "/>"), {DC_RIGHTS}) == {}


@given(st.binary(max_size=300))
def test_no_bytes_raise(data: bytes) -> None:
    read_xmp(data, {DC_RIGHTS})
    read_xmp(HEAD.encode() + data, {DC_RIGHTS})
    read_iim(data)
    read_iim(iim_in_resources(data))
    read_iim(iim_in_resources(b"8BIM\x04\x04" + data))
    assert file_metadata(data) == NOTHING
    file_metadata(with_iptc(data))
    file_metadata(file_bytes(PICTURE, "WEBP", xmp=data, exif=b"Exif\0\0" + data))


@given(st.binary(min_size=1, max_size=60), st.integers(0, 2000))
def test_no_damage_raises(damage: bytes, at: int) -> None:
    data = file_bytes(PICTURE, "JPEG", xmp=FULL, exif=exif(Artist="A", gps=gps((1, 1, 1), "N", (1, 1, 1), "E")))
    at %= len(data)
    found = file_metadata(data[:at] + damage + data[at + len(damage) :])
    assert (found.latitude is None) == (found.longitude is None)


@given(st.lists(st.tuples(st.integers(1, 255), st.binary(min_size=1, max_size=20)), max_size=20))
def test_every_dataset_that_was_written_is_read(written: list[tuple[int, bytes]]) -> None:
    found = read_iim(b"".join(dataset(number, value) for number, value in written))
    assert {number: len(values) for number, values in found.items()} == {
        number: sum(1 for other, _ in written if other == number) for number, _ in written
    }


def test_bytes_that_are_no_picture_say_nothing() -> None:
    assert file_metadata(b"") == file_metadata(b"GIF89a") == file_metadata(io.BytesIO(FULL).getvalue()) == NOTHING
