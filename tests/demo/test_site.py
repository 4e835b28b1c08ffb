"""The built site: the truth agrees with the files, the pages offer them, and trouble is planted as promised."""

import csv
import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from protego import Protego
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from cairn.demo.renderer import CATEGORIES
from cairn.demo.site import BASE, FULL, QUICK, SiteTruth, build_site
from cairn.demo.site_plan import plan_site
from cairn.demo.transforms import NEAR_DUPLICATES


def served(folder: Path, path: str) -> Path:
    return folder / "served" / (path.lstrip("/") + ("index.html" if path.endswith("/") else ""))


def offered(folder: Path, page: str) -> set[str]:
    tree = HTMLParser(served(folder, page).read_text())
    return {str(a.attributes["href"]) for a in tree.css("figure a")}


def files_of(folder: Path) -> dict[str, str]:
    root = folder / "served"
    return {
        str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in root.rglob("*") if p.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_on_any_number_of_workers(tmp_path: Path) -> None:
    one = build_site(tmp_path / "one", seed=2, quick=True, pictures=48, workers=1)
    two = build_site(tmp_path / "two", seed=2, quick=True, pictures=48, workers=2)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    assert one == two


def test_building_again_replaces_what_was_served(tmp_path: Path) -> None:
    build_site(tmp_path, seed=2, quick=True, pictures=40, workers=1)
    (tmp_path / "served" / "photos" / "stale.jpg").write_bytes(b"old")
    build_site(tmp_path, seed=3, quick=True, pictures=40, workers=1)
    assert not (tmp_path / "served" / "photos" / "stale.jpg").exists()


def test_saved_truth_comes_back_equal(truth: SiteTruth, tmp_path: Path) -> None:
    truth.save(tmp_path / "t.json")
    assert SiteTruth.load(tmp_path / "t.json") == truth


def test_truth_agrees_with_the_files(site_folder: Path, truth: SiteTruth) -> None:
    for sha256, picture in truth.pictures.items():
        assert picture.sha256 == sha256
        for path in picture.paths:
            assert hashlib.sha256(served(site_folder, path).read_bytes()).hexdigest() == sha256
    pictures = {path for p in truth.pictures.values() for path in p.paths}
    on_disk = {
        "/" + name for name in files_of(site_folder) if name.startswith(("photos/", "uploads/", "private/photos/"))
    }
    assert pictures == on_disk


def test_the_truth_is_not_served(site_folder: Path) -> None:
    assert (site_folder / "truth.json").is_file()
    assert not [name for name in files_of(site_folder) if name.endswith(".json")]


def test_thumbnails_lead_to_their_pictures(site_folder: Path, truth: SiteTruth) -> None:
    names = {sha for name, sha in files_of(site_folder).items() if name.startswith("thumbs/")}
    assert names == set(truth.thumbnails)
    for sha in names:
        assert truth.lookup(sha) is not None
    assert truth.lookup("0" * 64) is None


def test_a_thumbnail_shows_what_its_picture_shows(site_folder: Path, truth: SiteTruth) -> None:
    """Also of a mirrored one."""

    def small(path: str) -> np.ndarray:
        image = Image.open(served(site_folder, path)).convert("RGB")
        return np.asarray(image.resize((16, 16), Image.Resampling.BOX), float)

    mirrored = [p for p in truth.near_duplicates if p.transform == "mirrored"]
    assert mirrored
    for picture in mirrored:
        path = picture.paths[0]
        thumb, photo = small("/thumbs" + path.rsplit(".", 1)[0] + ".jpg"), small(path)
        assert np.abs(thumb - photo).mean() < np.abs(thumb - photo[:, ::-1]).mean()


def test_a_duplicate_points_to_an_original_of_the_same_category(truth: SiteTruth) -> None:
    duplicates = list(truth.near_duplicates)
    assert {d.transform for d in duplicates} == set(NEAR_DUPLICATES)
    for duplicate in duplicates:
        assert duplicate.duplicate_of is not None
        original = truth.pictures[duplicate.duplicate_of]
        assert original.transform is None
        assert original.category == duplicate.category


def test_sound_pictures_decode_at_the_size_in_the_truth(site_folder: Path, truth: SiteTruth) -> None:
    for picture in truth.reachable:
        image = Image.open(io.BytesIO(served(site_folder, picture.paths[0]).read_bytes()))
        image.load()
        size = image.size[::-1] if picture.trouble == "exif_rotated" else image.size
        assert size == (picture.width, picture.height)
        assert picture.category in CATEGORIES
        assert picture.box is not None


def test_every_trouble_is_planted(truth: SiteTruth) -> None:
    planted = {p.trouble for p in truth.pictures.values()} - {None}
    assert planted == {
        "cmyk",
        "exif_rotated",
        "png16",
        "alpha",
        "truncated",
        "text",
        "bomb",
        "wrong_type",
        "wrong_suffix",
    }
    assert all(p.category is None for p in truth.pictures.values() if p.refused)


@pytest.mark.parametrize(("n", "quick", "wrong"), [(FULL, False, (0.08, 0.15)), (QUICK, True, (0.13, 0.21))])
def test_the_plan_holds_the_promised_shares(n: int, quick: bool, wrong: tuple[float, float]) -> None:
    plan = plan_site(1, n, quick)
    open_files = [p for p in plan if p.gallery != "family"]
    assert len(open_files) == n
    assert 0.06 <= sum(p.transform is not None for p in open_files) / n <= 0.08
    assert wrong[0] <= sum(p.claim != p.category for p in open_files) / n <= wrong[1]
    assert len({p.path for p in plan}) == len(plan)
    for category in CATEGORIES:
        assert abs(sum(p.category == category for p in open_files) / n - 1 / 8) < 0.02
    assert any(p.license == "all-rights-reserved" for p in open_files)


def test_pages_offer_every_gallery_picture_and_only_their_own(site_folder: Path, truth: SiteTruth) -> None:
    for gallery in truth.galleries:
        found = set().union(*(offered(site_folder, page) for page in gallery.pages))
        prefix = "/private/photos/" if gallery.closed else f"/photos/{gallery.slug}/"
        expected = {path for p in truth.pictures.values() for path in p.paths if path.startswith(prefix)}
        assert found - set(truth.slow_paths) - set(truth.dead_paths) == expected
        claims = {p.claims[path] for p in truth.pictures.values() for path in p.paths if path in expected}
        assert claims == {gallery.category}


def test_pagination_leads_from_the_first_page_to_the_last(site_folder: Path, truth: SiteTruth) -> None:
    build = plan_site(5, FULL, False)
    assert sum(p.gallery == "car" for p in build) > 24  # a full site has several pages a gallery
    page, seen = "/gallery/cat/", []
    while page not in seen:
        seen.append(page)
        following = HTMLParser(served(site_folder, page).read_text()).css_first('link[rel="next"]')
        page = str(following.attributes["href"]) if following else page
    assert tuple(seen) == next(g for g in truth.galleries if g.slug == "cat").pages


def test_thumbnails_are_offered_beside_the_larger_rendition(site_folder: Path) -> None:
    for image in HTMLParser(served(site_folder, "/gallery/cat/").read_text()).css("figure a img[srcset]"):
        renditions = [part.split() for part in str(image.attributes["srcset"]).split(", ")]
        widths = [int(width.rstrip("w")) for _, width in renditions]
        assert widths[0] == 64 < widths[1]
        assert renditions[1][0] == str(image.parent.attributes["href"])  # type: ignore[union-attr]
        assert image.attributes["alt"]


def test_licences_are_in_the_markup(site_folder: Path, truth: SiteTruth) -> None:
    ways = set()
    for gallery in truth.galleries:
        tree = HTMLParser(served(site_folder, gallery.path).read_text())
        link, script = tree.css_first('a[rel="license"]'), tree.css_first('script[type="application/ld+json"]')
        objects = json.loads(script.text())["@graph"] if script else []
        if gallery.license == "all-rights-reserved":
            assert link is None
            assert not any("license" in o for o in objects)
            assert "All rights reserved" in tree.html  # type: ignore[operator]
            continue
        ways.add((link is not None, script is not None))
        urls = {str(link.attributes["href"])} if link else set()
        urls |= {o["license"] for o in objects}
        assert len(urls) == 1
        assert "creativecommons.org" in urls.pop()
    assert ways == {(True, False), (False, True), (True, True)}
    assert len({g.license for g in truth.galleries}) == 4


def test_robots_closes_one_gallery_and_the_sitemap_leaves_it_out(site_folder: Path, truth: SiteTruth) -> None:
    rules = Protego.parse(served(site_folder, "/robots.txt").read_text())
    for gallery in truth.galleries:
        for page in gallery.pages:
            assert rules.can_fetch(BASE + page, "CairnBot") is not gallery.closed
    closed = [p for p in truth.pictures.values() if all(path.startswith(truth.closed_prefix) for path in p.paths)]
    assert len(closed) >= 8
    assert not any(rules.can_fetch(BASE + path, "CairnBot") for p in closed for path in p.paths)
    sitemap = served(site_folder, "/sitemap.xml").read_text()
    assert truth.closed_prefix not in sitemap
    assert all(BASE + page in sitemap for g in truth.galleries if not g.closed for page in g.pages)
    assert list(rules.sitemaps) == [BASE + "/sitemap.xml"]


def test_the_url_list_has_the_rows_the_truth_says(site_folder: Path, truth: SiteTruth) -> None:
    with served(site_folder, truth.list_path).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == truth.list_rows
    known = {path for p in truth.pictures.values() for path in p.paths}
    for number, row in enumerate(rows, start=1):
        path = row["url"].removeprefix(BASE)
        if number in truth.broken_rows:
            assert not row["url"].startswith(BASE)
        else:
            assert path in known or path in truth.dead_paths
            assert path.startswith(truth.closed_prefix) is (number in truth.closed_rows)
            assert row["category"] in CATEGORIES
    assert "" in {row["url"] for row in rows}
