"""Whatever teams keep pictures in: what is understood of it, and what is told of the rest."""

from __future__ import annotations

import io
import json
import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from sentinel.audit.entries import Entry, Unreadable
from sentinel.audit.sources import embedded, let_go, mapping, open_source
from sentinel.audit.sources.words import beside
from sentinel.contracts import Brief
from sentinel.errors import ConfigError, PictureError
from sentinel.imaging import FORMATS, encode
from sentinel.testing import flat

PICTURE = encode(flat(16, 16))
A1111 = (
    "a red cup, (best quality:1.2)\nNegative prompt: blurry, text\n"
    "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, Model: photon_v1"
)
MOST = 1_000_000


@pytest.fixture(autouse=True)
def _archives_are_closed() -> Iterator[None]:
    yield
    let_go()


def put(path: Path, data: bytes | str = PICTURE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def look(path: Path, *said: str) -> tuple[dict[str, Entry], dict[str, Unreadable]]:
    found = list(open_source(path, mapping(said)).entries())
    assert len({each.key for each in found}) == len(found)
    return (
        {each.key: each for each in found if isinstance(each, Entry)},
        {each.key: each for each in found if isinstance(each, Unreadable)},
    )


# ── folders ───────────────────────────────────────────────────────────────────────────────────


def test_a_folder_is_read_in_an_order_that_does_not_change(tmp_path: Path):
    for name in ("b.png", "a.jpg", "deep/er/c.webp", "Z.PNG"):
        put(tmp_path / name)
    entries, _ = look(tmp_path)

    assert list(entries) == ["Z.PNG", "a.jpg", "b.png", "deep/er/c.webp"]
    assert entries["deep/er/c.webp"].group == {"folder": "deep/er"}
    assert entries["a.jpg"].read(MOST) == PICTURE


def test_what_is_no_picture_is_counted_and_left_alone(tmp_path: Path):
    put(tmp_path / "a.png")
    put(tmp_path / "notes.md", "hello")
    put(tmp_path / ".hidden.png")
    source = open_source(tmp_path, {})
    assert len(list(source.entries())) == 1

    assert source.account.ignored == {".md": 1}


def test_a_loop_of_links_is_walked_once_and_told(tmp_path: Path):
    put(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "again").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "self").symlink_to("self")
    (tmp_path / "in" / "dead.png").symlink_to("nowhere.png")
    entries, problems = look(tmp_path / "in")

    assert list(entries) == ["a.png"]
    assert problems["again"].reason == "a link to a folder that is read already"
    assert problems["dead.png"].code == "missing"


def test_a_linked_folder_elsewhere_is_followed(tmp_path: Path):
    put(tmp_path / "other" / "a.png")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "other")
    entries, problems = look(tmp_path / "in")

    assert list(entries) == ["link/a.png"]
    assert not problems


def test_a_name_that_is_no_text_is_an_entry_under_a_name_that_is(tmp_path: Path):
    (tmp_path / "in").mkdir()
    with open(  # noqa: PTH123 - a path of bytes
        bytes(tmp_path) + b'/in/caf\xe9 "x"\n.png', "wb"
    ) as file:
        file.write(PICTURE)
    entries, _ = look(tmp_path / "in")
    [entry] = entries.values()

    assert entry.key == 'caf\\xe9 "x"\n.png'
    assert entry.read(MOST) == PICTURE
    Brief(prompt=entry.key).model_dump_json()


def test_a_pipe_named_like_a_picture_is_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "a.png")
    _, problems = look(tmp_path)

    assert problems["a.png"].code == "missing"


def test_the_audits_own_folder_is_not_looked_into(tmp_path: Path):
    put(tmp_path / "a.png")
    put(tmp_path / "audit" / "thumbs" / "b.png")
    found = list(open_source(tmp_path, {}, tmp_path / "audit").entries())

    assert [each.key for each in found] == ["a.png"]


# ── sidecars and tables in folders ────────────────────────────────────────────────────────────


def test_sidecars_tell_the_prompt(tmp_path: Path):
    for name in ("a", "b", "c", "d"):
        put(tmp_path / f"{name}.png")
    put(tmp_path / "a.txt", "a red\ncup ")
    put(tmp_path / "b.json", json.dumps({"prompt": "two cups", "palette": ["red"], "model": "m1"}))
    put(tmp_path / "c.png.txt", A1111)
    put(tmp_path / "d.json", "{not json")
    entries, _ = look(tmp_path)

    assert (entries["a.png"].prompt, entries["a.png"].prompted) == ("a red cup", "text")
    assert entries["b.png"].palette == ("red",)
    assert entries["b.png"].group["made_by"] == "m1"
    assert entries["c.png"].negative_prompt == "blurry, text"
    assert entries["c.png"].made_by == "photon_v1"
    assert entries["d.png"].prompt is None


def test_an_image_folder_as_hugging_face_has_it_is_read_in_its_tables_order(tmp_path: Path):
    for name in ("a.png", "b.png", "c.png"):
        put(tmp_path / "train" / name)
    put(
        tmp_path / "train" / "metadata.jsonl",
        '{"file_name": "b.png", "text": "a bee"}\n{"file_name": "gone.png", "text": "nothing"}\n'
        '{"file_name": "a.png", "text": "an ant", "model": "m2"}\n[1]\n',
    )
    entries, problems = look(tmp_path)

    assert [(key, each.prompt) for key, each in entries.items()] == [
        ("train/b.png", "a bee"), ("train/a.png", "an ant"), ("train/c.png", None),
    ]  # fmt: skip
    assert problems["train/gone.png"].code == "missing"
    assert problems["train/metadata.jsonl:4"].reason == "it is no JSON object"


def test_a_table_in_a_folder_may_not_lead_out_of_it(tmp_path: Path):
    put(tmp_path / "secret.png")
    put(tmp_path / "in" / "metadata.csv", "file_name,prompt\n../secret.png,x\n/etc/passwd,y\n")
    _, problems = look(tmp_path / "in")

    assert {each.reason for each in problems.values()} == {"its path leads out of the source"}


def test_a_picture_listed_twice_is_two_entries(tmp_path: Path):
    put(tmp_path / "a.png")
    put(tmp_path / "metadata.csv", "file_name,prompt\na.png,one\na.png,two\n")
    entries, _ = look(tmp_path)

    assert {key: each.prompt for key, each in entries.items()} == {"a.png": "one", "a.png#2": "two"}


# ── tables ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "path,caption\na.png,a cup\n"),
        ("t.csv", "path;caption\na.png;a cup\n"),
        ("t.tsv", "path\tcaption\na.png\ta cup\n"),
        ("t.jsonl", '{"path": "a.png", "caption": "a cup"}\n'),
        ("t.csv", "\ufeffpath,caption\r\na.png,a cup\r\n"),
    ],
    ids=["commas", "semicolons", "tabs", "json lines", "byte order mark"],
)
def test_tables_of_every_kind_are_read(tmp_path: Path, name: str, text: str):
    put(tmp_path / "a.png")
    entries, _ = look(put(tmp_path / name, text))

    assert entries["1"].prompt == "a cup"
    assert entries["1"].read(MOST) == PICTURE


def test_columns_of_any_name_are_mapped(tmp_path: Path):
    put(tmp_path / "a.png")
    put(tmp_path / "ana.png")
    table = put(
        tmp_path / "t.csv",
        'id,photo,words,sign,who,seed\nx7,a.png,a sign,"[""OPEN"", ""24 H""]",ana.png,5\n',
    )
    entries, _ = look(
        table, "image=photo", "prompt=words", "expected_text=sign", "face=who", "key=id",
        "group=seed",
    )  # fmt: skip
    entry = entries["x7"]

    assert entry.expected_text == ("OPEN", "24 H")
    assert entry.references[0].picture.read(MOST) == PICTURE
    assert entry.group == {"seed": "5"}


def test_a_column_that_nothing_has_is_told(tmp_path: Path):
    put(tmp_path / "a.png")
    put(tmp_path / "metadata.csv", "file_name,prompt\na.png,one\n")
    source = open_source(tmp_path, mapping(["made_by=engine"]))
    list(source.entries())

    assert source.account.notes == ["--map names a column 'engine', which nothing here has"]


def test_paths_as_windows_writes_them_are_found(tmp_path: Path):
    put(tmp_path / "in" / "a.png")
    entries, _ = look(put(tmp_path / "t.csv", "image,prompt\nin\\a.png,one\n"))
    beside, _ = look(put(tmp_path / "in" / "metadata.csv", "image\n.\\a.png\n").parent)

    assert entries["1"].read(MOST) == PICTURE
    assert len(beside) == 1


def test_a_missing_picture_that_is_named_twice_is_two_rows(tmp_path: Path):
    put(tmp_path / "metadata.csv", "file_name,prompt\ngone.png,one\ngone.png,two\n")
    _, problems = look(tmp_path)

    assert set(problems) == {"gone.png", "gone.png#2"}


def test_bad_rows_are_told_and_the_others_are_read(tmp_path: Path):
    put(tmp_path / "a.png")
    table = put(
        tmp_path / "t.csv",
        "image,prompt\na.png,fine\na.png,too,many\n,nothing\ngone.png,away\n"
        'https://example.org/x.png,far\na.png,"two\nlines"\n',
    )  # fmt: skip
    entries, problems = look(table)

    assert {key: each.prompt for key, each in entries.items()} == {"1": "fine", "6": "two\nlines"}
    assert problems["2"].reason == "it has 3 fields and the header 2"
    assert problems["3"].reason == "it names no picture"
    assert (problems["4"].code, problems["4"].where) == ("missing", "gone.png")
    assert "not fetched" in problems["5"].reason


def test_lines_that_are_not_utf8_are_read_as_windows_wrote_them_and_told(tmp_path: Path):
    put(tmp_path / "a.png")
    table = put(
        tmp_path / "t.csv", "image,prompt\na.png,na\u00efve\n".encode() + b"a.png,caf\xe9\n"
    )
    source = open_source(table, {})
    prompts = [each.prompt for each in source.entries()]

    assert prompts == ["naïve", "café"]
    assert source.account.notes == ["t.csv: 1 lines are not UTF-8 and were read as Windows-1252"]


def test_utf16_as_excel_writes_it_is_read(tmp_path: Path):
    put(tmp_path / "a.png")
    entries, _ = look(put(tmp_path / "t.csv", "image,prompt\na.png,日本\n".encode("utf-16")))

    assert entries["1"].prompt == "日本"


@pytest.mark.parametrize(
    ("text", "said", "told"),
    [
        ("x,y\n1,2\n", (), "--map image=COLUMN"),
        ("image,image\na,b\n", (), "'image' twice"),
        ("", (), "no header"),
        ("image,prompt\na.png,x\n", ("prompt=words",), "'words', which is not there"),
    ],
    ids=["no picture column", "a column twice", "empty", "a column that is not there"],
)
def test_a_table_that_cannot_be_used_says_what_to_do(tmp_path: Path, text, said, told):
    with pytest.raises(ConfigError, match=told):
        look(put(tmp_path / "t.csv", text), *said)


def test_a_wrong_map_is_told_with_the_roles_there_are():
    with pytest.raises(ConfigError, match="did you mean 'prompt'"):
        mapping(["promt=x"])


def test_pictures_inside_a_parquet_file_are_read(tmp_path: Path):
    pa = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    from pyarrow import parquet

    rows = {
        "image": [{"bytes": PICTURE, "path": "a.png"}, {"bytes": None, "path": "b.png"}],
        "prompt": ["a cup", "two"],
    }
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({"image": pa.array(rows["image"], kind), "prompt": rows["prompt"]})
    parquet.write_table(table, tmp_path / "t.parquet", row_group_size=1)
    entries, _ = look(tmp_path / "t.parquet")

    assert entries["1"].read(MOST) == PICTURE
    assert entries["1"].prompt == "a cup"
    with pytest.raises(PictureError, match="no bytes"):
        entries["2"].read(MOST)


# ── archives ──────────────────────────────────────────────────────────────────────────────────


def tarred(path: Path, members: dict[str, bytes], mode: str) -> Path:
    with tarfile.open(path, mode) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return path


MEMBERS = {
    "in/b.png": PICTURE, "in/b.txt": b"a bee", "in/a.png": PICTURE + b"a", "../out.png": PICTURE,
    "/abs.png": PICTURE, "c:/win.png": PICTURE,
}  # fmt: skip
OUTSIDE = {"../out.png", "/abs.png", "c:/win.png"}


@pytest.mark.parametrize(
    ("name", "mode"),
    [("t.tar", "w"), ("t.tar.gz", "w:gz"), ("t.tar.bz2", "w:bz2"), ("t.tar.xz", "w:xz")],
)
def test_a_tar_is_read_in_place_and_not_out_of_it(tmp_path: Path, name: str, mode: str):
    entries, problems = look(tarred(tmp_path / name, MEMBERS, mode))

    assert [(key, each.prompt) for key, each in entries.items()] == [
        ("in/b.png", "a bee"), ("in/a.png", None),
    ]  # fmt: skip
    assert entries["in/a.png"].read(MOST) == PICTURE + b"a"
    assert entries["in/b.png"].read(MOST) == PICTURE
    assert set(problems) == {*OUTSIDE, "link.png"}
    assert list(tmp_path.iterdir()) == [tmp_path / name]


def test_a_zip_is_read_in_place_and_names_that_occur_twice_are_told(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "t.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in MEMBERS.items():
            archive.writestr(name, data)
        archive.writestr("metadata.csv", "file_name,prompt\nin/a.png,an ant\n")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("in/a.png", PICTURE)
    found = list(open_source(tmp_path / "t.zip", {}).entries())
    prompts = {each.key: each.prompt for each in found if isinstance(each, Entry)}
    told = [each.reason for each in found if isinstance(each, Unreadable)]

    assert len({each.key for each in found}) == len(found)
    assert prompts == {"in/b.png": "a bee", "in/a.png": "an ant"}
    assert told.count("its name leads out of it") == len(OUTSIDE)
    assert "an earlier member has the same name" in told


def test_an_archive_bomb_is_read_no_further(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "t.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", PICTURE)
        for number in range(4):
            archive.writestr(f"bomb{number}.png", bytes(30_000_000))
    entries, problems = look(tmp_path / "t.zip")

    assert "a.png" in entries
    assert "the rest is not read" in problems["t.zip"].reason
    with pytest.raises(PictureError, match="more than 1 MB"):
        entries["bomb0.png"].read(MOST)


def test_a_member_that_lies_about_its_size_is_found_out(tmp_path: Path):
    put(tmp_path / "t.zip", b"")
    with zipfile.ZipFile(tmp_path / "t.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(5_000_000))
    data = (tmp_path / "t.zip").read_bytes()
    lying = data.replace((5_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    entries, _ = look(put(tmp_path / "t.zip", lying))

    with pytest.raises(PictureError, match=r"cannot be taken out of the zip|more than"):
        entries["a.png"].read(MOST)


def test_a_cut_archive_gives_what_is_whole(tmp_path: Path):
    whole = tarred(tmp_path / "t.tar", {"a.png": PICTURE, "b.png": bytes(20_000)}, "w").read_bytes()
    entries, _ = look(put(tmp_path / "cut.tar", whole[: len(PICTURE) // 512 * 512 + 4096]))

    assert entries["a.png"].read(MOST) == PICTURE
    with pytest.raises(PictureError, match="ends before"):
        entries["b.png"].read(MOST)


@pytest.mark.parametrize("name", ["t.zip", "t.tar.gz"])
def test_what_is_no_archive_is_refused(tmp_path: Path, name: str):
    with pytest.raises(ConfigError, match="no zip or tar"):
        look(put(tmp_path / name, b"\x1f\x8bnothing of the kind" * 9))


def test_an_encrypted_member_is_a_row(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("a.png", PICTURE)
    data = bytearray((tmp_path / "t.zip").read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    _, problems = look(put(tmp_path / "t.zip", bytes(data)))

    assert problems["a.png"].reason == "it is encrypted"


def test_what_is_no_source_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="neither a folder nor a file"):
        look(tmp_path / "nothing")
    with pytest.raises(ConfigError, match="is no source"):
        look(put(tmp_path / "a.png"))


# ── prompts inside pictures ───────────────────────────────────────────────────────────────────


def png(**texts: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_text(key, text)
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def jpeg(comment: bytes) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = comment
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


COMFY = {
    "3": {"class_type": "KSampler", "inputs": {"positive": ["9", 0], "negative": ["7", 0]}},
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "flux.safetensors"}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": ["11", 0], "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
    "9": {"class_type": "FluxGuidance", "inputs": {"guidance": 3.5, "conditioning": ["6", 0]}},
    "11": {"class_type": "PrimitiveString", "inputs": {"value": "a red cup"}},
}
INVOKE = {
    "positive_prompt": "a red cup", "negative_prompt": "blurry", "model": {"name": "juggernaut"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("data", "model"),
    [
        (png(parameters=A1111), "photon_v1"),
        (jpeg(b"UNICODE\0" + A1111.encode("utf-16-be")), "photon_v1"),
        (jpeg(b"ASCII\0\0\0" + A1111.encode()), "photon_v1"),
        (png(prompt=json.dumps(COMFY)), "flux.safetensors"),
        (png(invokeai_metadata=json.dumps(INVOKE)), "juggernaut"),
    ],
    ids=["automatic1111 png", "automatic1111 jpeg", "ascii comment", "comfyui", "invokeai"],
)
def test_a_picture_tells_its_prompt(data: bytes, model: str):
    words = embedded(data, FORMATS)

    assert words.prompt.startswith("a red cup")
    assert words.negative_prompt.startswith("blurry")
    assert words.made_by == model


LOOP = {"1": {"inputs": {"positive": ["2", 0]}}, "2": {"inputs": {"conditioning": ["2", 0]}}}


@pytest.mark.parametrize(
    "data",
    [
        png(prompt=json.dumps(LOOP)), png(prompt="[" * 5000), png(prompt='{"1": 5}'),
        png(invokeai_metadata="[]"), png(parameters=""), png(), jpeg(b""), b"", b"no picture",
        png(prompt=json.dumps({"1": {"inputs": {"positive": {}, "ckpt_name": [1]}}})),
    ],
    ids=range(10),
)  # fmt: skip
def test_odd_metadata_tells_nothing_and_breaks_nothing(data: bytes):
    assert embedded(data, FORMATS).prompt is None


def test_a_text_without_settings_is_the_prompt_itself():
    assert beside("\ufeff a  cup\n").prompt == "a cup"
    assert beside("a cup\nNegative prompt: blurry").negative_prompt == "blurry"
