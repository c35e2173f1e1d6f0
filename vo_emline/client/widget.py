"""A queue in a notebook: a thin layer over :class:`~vo_emline.client.labelling.LabelQueue`."""

from __future__ import annotations

import html
import io
from typing import TYPE_CHECKING, Any, Final

from vo_emline.client.drawing import WAVELENGTH
from vo_emline.errors import EmlineError, UserError
from vo_emline.labelling.log import QUALITIES
from vo_emline.labels import PROFILES
from vo_emline.plots import mark_halpha, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from vo_emline.client.labelling import LabelQueue, ToLabel

SIZE: Final = (8.0, 3.2)
"""Width and height of the figure, inches."""


class LabelWidget:
    """The spectrum, a button for each profile, undo, skip, comment; a notebook shows it where it stands last.

    Parameters
    ----------
    queue
        What is labelled.

    Raises
    ------
    UserError
        The package ipywidgets is missing.
    """

    def __init__(self, queue: LabelQueue) -> None:
        try:
            import ipywidgets
        except ImportError as error:
            raise UserError("widgets need their package: pip install 'vo-emline[notebook]'") from error
        self.queue = queue
        self.buttons = {one.name: ipywidgets.Button(description=f"{one.key} {one.title}") for one in PROFILES}
        """By name of the profile; ``undo`` and ``skip`` among them."""
        self.buttons |= {name: ipywidgets.Button(description=name) for name in ("undo", "skip")}
        self.comment = ipywidgets.Text(placeholder="comment")
        self.quality = ipywidgets.Dropdown(
            options=[(word, number) for number, word in QUALITIES.items()], value=3, description="I am"
        )
        self.picture = ipywidgets.Image(format="png")
        self.text = ipywidgets.HTML()
        for name, button in self.buttons.items():
            button.on_click(lambda _, name=name: self._pressed(name))
        pressed = list(self.buttons.values())
        rows = [pressed[:5], pressed[5:], [self.quality, self.comment]]
        self.box = ipywidgets.VBox([self.text, self.picture, *(ipywidgets.HBox(row) for row in rows)])
        self._show()

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.box._repr_mimebundle_(**options)

    def _pressed(self, name: str) -> None:
        try:
            current = self.queue.next()
            if name == "undo":
                self.queue.undo()
            elif name == "skip":
                self.queue.skip()
            elif current is not None:
                self.queue.label(current, name, quality=self.quality.value, comment=self.comment.value)
                self.comment.value = ""
            self._show()
        except EmlineError as error:
            self.text.value = _escaped(str(error))

    def _show(self) -> None:
        current = self.queue.next()
        far, waiting = self.queue.progress, len(self.queue.waiting)
        counted = f"{far.get('mine', 0)} by you when last asked, {far.get('size', 0)} in all"
        wait = f"; {waiting} labels wait to be sent" if waiting else ""
        name = "nothing is left for you" if current is None else f"<b>{_escaped(current.name)}</b>"
        self.text.value = f"{name} – {_escaped(self.queue.name)}: {counted}{wait}"
        self.picture.value = b"" if current is None else picture(current)


def picture(spectrum: ToLabel) -> bytes:
    """Draw Hα of a spectrum as PNG; no prediction is in it."""
    content = io.BytesIO()
    _figure(spectrum).savefig(content, format="png")
    return content.getvalue()


@styled
def _figure(spectrum: ToLabel) -> Figure:
    figure = new_figure(*SIZE)
    axes = figure.add_subplot()
    if spectrum.flux is None:
        axes.text(0.5, 0.5, "there is nothing to be shown", ha="center", transform=axes.transAxes)
    else:
        axes.plot(spectrum.wavelength_vac, spectrum.flux, drawstyle="steps-mid", linewidth=1.0)
        mark_halpha(axes)
    axes.set(xlabel=WAVELENGTH, ylabel="flux / continuum")
    return figure


def _escaped(text: str) -> str:
    return html.escape(text)
