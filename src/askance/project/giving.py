"""What a project gives away: its labels with a card, and its model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from askance.errors import BadInput
from askance.files import whole
from askance.project import takeaway
from askance.project.beginning import naming
from askance.project.card import card
from askance.project.coco import write_coco
from askance.project.exporting import write_labels
from askance.project.formats import beside, format_of
from askance.project.label_studio import CONFIG, write_label_studio
from askance.project.project import Project
from askance.project.provenance import provenance
from askance.project.settling import GONE

WRITERS = {"label-studio": write_label_studio, "coco": write_coco}  # of what is no table


def give_labels(project: Project, path: Path, *, form: str = "", force: bool = False) -> tuple[int, Path]:
    """Write the labels of a project and the card that explains them.

    Args:
        project: The project.
        path: The file; the card is ``labels.card.md`` beside ``labels.csv``, and for Label Studio its labeling
            configuration is ``labels.config.xml``.
        form: One of `askance.project.formats.FORMATS`; empty is for the one that the file's ending says.
        force: Whether to replace a file that is there.

    Returns:
        How many rows were written, and where the card is.

    Raises:
        BadInput: If the file is there, nothing is answered, or the labels cannot be written in that form.
        StorageError: If it cannot be written.
    """
    form = format_of(path, form)
    places = [path, beside(path, CONFIG)] if form == "label-studio" else [path]
    if not force and (there := [str(place) for place in places if place.exists()]):
        raise BadInput(f"{there[0]} is there already. Name another file, or say --force to write over it.")
    study = project.study
    labeled = [item for item in provenance(study) if any(answer.by != GONE for answer in item.answers)]
    if not labeled:
        begin = f"askance ask{naming(project.folder)}"
        raise BadInput(f"Nothing is answered yet, so there is nothing to export. Begin with: {begin}")
    if form in WRITERS:
        rows = WRITERS[form](path, project, labeled)
    else:
        rows = write_labels(path, labeled, lambda id: _rows(project, id))
    place = beside(path, ".card.md")
    with whole(place) as file:
        file.write(card(project.name, study, labeled, project.items.counts()))
    return rows, place


def give_model(project: Project, folder: Path, *, force: bool = False) -> None:
    """Write the project's model, as `askance.load` reads it.

    Args:
        project: The project.
        folder: Where to.
        force: Whether to replace a model that is there.

    Raises:
        BadInput: If there is no label, the folder is there, or the model cannot be stored safely.
        StorageError: If it cannot be written.
    """
    study = project.study
    if not study.progress.labeled:
        raise BadInput(f"Nothing is labeled, so there is no model. Begin with: askance ask{naming(project.folder)}")
    if folder.exists() and force and not (folder / takeaway.ABOUT).is_file():
        raise BadInput(f"{folder} is there and holds no model, so it is not written over. Name another folder.")
    model = study.model()
    scored = [line.body for line in study.lines() if line.kind == "scored"]
    facts: dict[str, Any] = {"project": project.name, "labels": study.progress.labeled}
    if scored:
        facts |= {"scores": scored[-1]["scores"], "scored_on": scored[-1]["on"], "scored_at": scored[-1]["labels"]}
    takeaway.save(
        folder,
        task=study.task,
        learner=study.learner,
        model=model,
        encoder=project.encoder,
        encoding=project.features.encoding,
        how=project.how,
        facts=facts,
        replace=force,
    )


def _rows(project: Project, id: Any) -> list[str]:
    """The rows that an item stands for; itself where all of them are gone."""
    return project.items.rows_of(str(id)) or [str(id)]
