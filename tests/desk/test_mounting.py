"""The server put together: its pictures, wherever the project's files list them, and the link that people open."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import pytest
from made import picture
from small_projects import begun

from askance.desk.desk import Desk
from askance.desk.mounting import _picture, _roots, mounted, names_of
from askance.desk.pictures import Pictures, Shown
from askance.desk.places import Places
from askance.desk.serving import Wish
from askance.errors import BadInput
from askance.project.beginning import Wishes, begin
from askance.project.project import Project
from askance.sources.csv import write_table


def draw(path: Path, number: int) -> str:
    import random

    path.parent.mkdir(exist_ok=True)
    path.write_bytes(picture("circle", random.Random(number), wide=24, high=24))
    return str(path)


def shown(desk: Desk, pictures: Pictures, id: str) -> Shown:
    column = desk.items.fact("how")["columns"][0]
    return asyncio.run(_picture(desk, pictures, column, id))


def test_pictures_show_however_a_file_writes_their_paths(tmp_path: Path) -> None:
    for number, folder in enumerate(("in", "in/deep", "beside")):
        draw(tmp_path / folder / "a.png", number)
    inside = draw(tmp_path / "in" / "b.png", 3)
    outside = draw(tmp_path / "beside" / "b.png", 4)
    paths = ["./a.png", "deep/../deep/a.png", "../beside/a.png", inside, outside]
    write_table(tmp_path / "in" / "p.csv", {"id": [str(n) for n in range(5)], "picture": paths})
    wishes = Wishes(image="picture", id="id", classes=("x",))
    begin(tmp_path / "in" / "p.csv", wishes, folder=tmp_path / "p.askance")
    with closing(Desk(tmp_path / "p.askance")) as desk, closing(Pictures(_roots(desk))) as pictures:
        assert [shown(desk, pictures, id).kind for id in desk.ids()] == ["image/png"] * 5
        Path(outside).unlink()
        with pytest.raises(BadInput) as error:
            shown(desk, pictures, "4")
        assert "There is no file" in str(error.value)


def test_pictures_of_a_folder_that_is_added_meanwhile_show(tmp_path: Path) -> None:
    for number in range(6):
        draw(tmp_path / ("first" if number < 3 else "more") / f"{number}.png", number)
    begin(tmp_path / "first", Wishes(classes=("x",)), folder=tmp_path / "p.askance")
    with closing(Desk(tmp_path / "p.askance")) as desk:
        pictures = Pictures(_roots(desk), lambda: _roots(desk))
        project = Project(tmp_path / "p.askance")
        project.add(tmp_path / "more", scope="more")
        project.close()
        assert len(desk.ids()) == 6 and {shown(desk, pictures, id).kind for id in desk.ids()} == {"image/png"}
        pictures.close()


@pytest.mark.parametrize(
    ("host", "link"),
    [
        ("127.0.0.1", "http://127.0.0.1:8"),
        ("0.0.0.0", "http://127.0.0.1:8"),
        ("::", "http://[::1]:8"),
        ("[::1]", "http://[::1]:8"),
        ("127.0.0.7", "http://127.0.0.7:8"),
        ("192.168.1.7", "http://192.168.1.7:8"),
        ("desk.lan", "http://desk.lan:8"),
    ],
)
def test_the_link_leads_to_where_the_server_listens(tmp_path: Path, host: str, link: str) -> None:
    wish = Wish(host=host, password="five words drawn at random")
    with mounted(begun(tmp_path), 8, wish) as (_, found):
        assert found.startswith(f"{link}/")
    assert Places(8, names_of(wish)).of(link.removeprefix("http://").encode())
