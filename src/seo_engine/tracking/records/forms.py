"""The forms of media. A tracker shows those that it knows, and skips the rest."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

if TYPE_CHECKING:
    from seo_engine.tracking.artifacts.manifests import ArtifactVersion
    from seo_engine.tracking.artifacts.store import ArtifactStore

# W&B keeps no more rows of a table: of longer data, charts have a part that looks the same.
MOST_CHART_ROWS = 10_000


class Box(TypedDict, total=False):
    """A rectangle in a picture, in pixels from its top left corner, and what is in it.

    `x_minimum`, `y_minimum`, `x_maximum` and `y_maximum` are needed. `class_number` is a key in `class_labels`; without
    it each `label` has a number of its own. `label` and `score` are shown beside the rectangle.
    """

    x_minimum: float
    y_minimum: float
    x_maximum: float
    y_maximum: float
    class_number: int
    label: str
    score: float


class Picture(NamedTuple):
    """A picture as a browser shows it, its size in pixels, and what is said of it.

    Args:
        drawn (bytes): PNG, JPEG, GIF or WebP; empty if there is a file.
        width (int): In pixels.
        height (int): In pixels.
        file (Path | None): The file that holds it, if there is one.
        caption (str): What it shows, in words; empty if nobody said it.
        masks (Mapping[str, Path]): By name, pictures with the number of a class at each pixel.
        boxes (Mapping[str, Sequence[Box]]): By name, rectangles.
        class_labels (Mapping[int, str]): What the numbers of classes mean.
    """

    drawn: bytes
    width: int
    height: int
    file: Path | None = None
    caption: str = ""
    masks: Mapping[str, Path] = {}
    boxes: Mapping[str, Sequence[Box]] = {}
    class_labels: Mapping[int, str] = {}

    @property
    def data(self) -> bytes:
        """bytes: PNG, JPEG, GIF or WebP."""
        return self.drawn if self.file is None else self.file.read_bytes()


class Image(NamedTuple):
    """Named pictures; they are drawn only where they are shown.

    Args:
        name (str): Hierarchical, such as `profiling/bottlenecks/chart`.
        draw (Callable[[], Sequence[Picture]]): Returns the pictures, none if there is nothing to draw.
    """

    name: str
    draw: Callable[[], Sequence[Picture]]


class Table(NamedTuple):
    """A named table; its rows are made only where it is shown.

    Args:
        name (str): Hierarchical, such as `profiling/operations`.
        columns (tuple[str, ...]): Names of the columns.
        rows (Callable[[], list[list[Any]]]): Returns the rows: numbers, texts, None, and pictures.
    """

    name: str
    columns: tuple[str, ...]
    rows: Callable[[], list[list[Any]]]


class Histogram(NamedTuple):
    """A named histogram.

    Args:
        name (str): Hierarchical, such as `weights/layer_1`.
        read (Callable[[], tuple[list[float], list[float]]]): Returns the edges of the bins in ascending order, and the
            counts, of which there is one fewer.
    """

    name: str
    read: Callable[[], tuple[list[float], list[float]]]


class Html(NamedTuple):
    """A named page.

    Args:
        name (str): Hierarchical, such as `html/report`.
        file (Callable[[], Path]): Returns the file that holds it.
    """

    name: str
    file: Callable[[], Path]


class PlotlyFigure(NamedTuple):
    """A named figure of Plotly.

    Args:
        name (str): Hierarchical, such as `figures/roc`.
        file (Callable[[], Path]): Returns the file that holds it as JSON.
        caption (str): What it shows, in words; empty if nobody said it.
    """

    name: str
    file: Callable[[], Path]
    caption: str = ""


class Audio(NamedTuple):
    """A named sound.

    Args:
        name (str): Hierarchical, such as `audio/sample`.
        file (Callable[[], Path]): Returns the file that holds it: WAV, MP3, Ogg, FLAC or M4A.
        caption (str): What it is, in words; empty if nobody said it.
    """

    name: str
    file: Callable[[], Path]
    caption: str = ""


class Video(NamedTuple):
    """A named video.

    Args:
        name (str): Hierarchical, such as `video/episode`.
        file (Callable[[], Path]): Returns the file that holds it: GIF, MP4, WebM or Ogg.
        caption (str): What it shows, in words; empty if nobody said it.
    """

    name: str
    file: Callable[[], Path]
    caption: str = ""


class PointCloud(NamedTuple):
    """Points in three dimensions, and perhaps the triangles between them.

    Args:
        vertices (Any): Array of float32, points × 3.
        colors (Any): Array of uint8, points × red, green, blue; None if nobody said them.
        faces (Any): Array of int32, triangles × the numbers of three points; None if there are none.
    """

    vertices: Any
    colors: Any = None
    faces: Any = None

    def as_obj(self) -> bytes:
        """Return them as an OBJ file, which programs for three dimensions open."""
        colors = [] if self.colors is None else (self.colors / 255).round(4).tolist()
        vertices = itertools.zip_longest(self.vertices.tolist(), colors, fillvalue=())
        lines = [("v", *place, *color) for place, color in vertices]
        if self.faces is not None:
            # Its vertices are counted from 1.
            lines += [("f", *face) for face in (self.faces + 1).tolist()]
        return "".join(f"{' '.join(map(str, line))}\n" for line in lines).encode()


class Points(NamedTuple):
    """Named points, or a mesh.

    Args:
        name (str): Hierarchical, such as `points/scene`.
        read (Callable[[], PointCloud]): Returns the arrays.
        caption (str): What they are, in words; empty if nobody said it.
    """

    name: str
    read: Callable[[], PointCloud]
    caption: str = ""


class ObjectFile(NamedTuple):
    """A named object in three dimensions, in a file.

    Args:
        name (str): Hierarchical, such as `points/scene`.
        file (Callable[[], Path]): Returns the file: GLB, glTF, OBJ or STL.
        caption (str): What it is, in words; empty if nobody said it.
    """

    name: str
    file: Callable[[], Path]
    caption: str = ""


class Chart(NamedTuple):
    """A named chart of data that do not change any more, unlike the curve of a metric.

    Args:
        name (str): Hierarchical, such as `plots/spread`.
        sort (str): `lines` (columns: x, line, y), `bars` (label, value), `curves` (class, x, y from 0 to 1) or
            `confusion_matrix` (true class, predicted class, count).
        columns (tuple[str, ...]): Names of the columns.
        rows (Callable[[], list[list[Any]]]): Returns the rows: numbers and texts; about `MOST_CHART_ROWS`.
        title (str): What stands above it.
        x_title (str): What stands below it.
        y_title (str): What stands beside it.
    """

    name: str
    sort: str
    columns: tuple[str, ...]
    rows: Callable[[], list[list[Any]]]
    title: str = ""
    x_title: str = ""
    y_title: str = ""


class ClassCounts(NamedTuple):
    """How many samples of a class, and of all other classes, have at least each of 127 scores from 0 to 1.

    Args:
        label (str): The class; empty if it is the only one.
        positives (int): Samples of the class.
        negatives (int): Samples of the others.
        true_positives (list[int]): Samples of the class with at least the score, for each score in ascending order.
        false_positives (list[int]): The same of the others.
    """

    label: str
    positives: int
    negatives: int
    true_positives: list[int]
    false_positives: list[int]


class PrecisionRecall(NamedTuple):
    """Named precision-recall curves.

    Args:
        name (str): Hierarchical, such as `pr_curves/test`.
        read (Callable[[], list[ClassCounts]]): Returns the counts of each class.
    """

    name: str
    read: Callable[[], list[ClassCounts]]


class MetricChart(NamedTuple):
    """A named chart that shows the curves of several metrics together.

    Args:
        name (str): Hierarchical, such as `charts/losses`.
        metrics (tuple[str, ...]): Names of metrics; in them `*` stands for any text.
    """

    name: str
    metrics: tuple[str, ...]


class EmbeddedPoints(NamedTuple):
    """Vectors, and what is said of each.

    Args:
        vectors (Any): Array of float32, points × dimensions.
        columns (tuple[str, ...]): Names of what is said; none if nothing is.
        rows (list[list[Any]]): Of each point, one number or text for each column.
        sprite (Path | None): A picture of all points, in rows of equally many, if there is one.
        sprite_size (tuple[int, int]): Width and height of one picture in it, in pixels.
    """

    vectors: Any
    columns: tuple[str, ...]
    rows: list[list[Any]]
    sprite: Path | None = None
    sprite_size: tuple[int, int] = (0, 0)


class Embedding(NamedTuple):
    """A named embedding.

    Args:
        name (str): Hierarchical, such as `embeddings/words`.
        step (int): Its step.
        read (Callable[[], EmbeddedPoints]): Returns the points.
    """

    name: str
    step: int
    read: Callable[[], EmbeddedPoints]


class GraphNode(TypedDict):
    """A node of a graph: its name, what it does, the names of the nodes it is given, the shapes that it returns."""

    name: str
    operation: str
    inputs: list[str]
    shapes: list[list[int]]
    attributes: str


class Graph(NamedTuple):
    """The named graph of a model.

    Args:
        name (str): Hierarchical, such as `graphs/model`.
        read (Callable[[], list[GraphNode]]): Returns its nodes.
    """

    name: str
    read: Callable[[], list[GraphNode]]


class File(NamedTuple):
    """A named file that is kept with the run.

    Args:
        name (str): Its path among the files of the run, such as `files/labels.txt`.
        file (Callable[[], Path]): Returns the file that holds it.
    """

    name: str
    file: Callable[[], Path]


class Artifact(NamedTuple):
    """A named version of files or folders that are kept beside the runs.

    Args:
        name (str): Hierarchical, such as `artifacts/model`.
        store (ArtifactStore): Where it is kept.
        version (Callable[[], ArtifactVersion]): Returns the version; the first call makes it of what was staged, which
            takes as long as reading it.
        aliases (tuple[str, ...]): The aliases that it got.
        is_used (bool): Whether the run has only used it.
    """

    name: str
    store: ArtifactStore
    version: Callable[[], ArtifactVersion]
    aliases: tuple[str, ...] = ()
    is_used: bool = False


class Markdown(NamedTuple):
    """A text, and pictures: also what a tool shows in place of a medium that it does not know.

    Args:
        name (str): Hierarchical, such as `tables/samples`.
        write (Callable[[], str]): Returns the text.
        draw (Callable[[], Sequence[Picture]]): Returns the pictures, none if the text is enough.
    """

    name: str
    write: Callable[[], str]
    draw: Callable[[], Sequence[Picture]] = tuple


Medium = (
    Image
    | Table
    | Histogram
    | Html
    | PlotlyFigure
    | Audio
    | Video
    | Points
    | ObjectFile
    | Chart
    | PrecisionRecall
    | MetricChart
    | Embedding
    | Graph
    | File
    | Artifact
    | Markdown
)
