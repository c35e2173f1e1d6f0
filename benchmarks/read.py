"""How fast spectra are read, per core: the thesis's way, astropy, fitsio and ours, against the bytes alone.

``make bench-read`` or ``python benchmarks/read.py [--data DIR] [--files N] [--repeat N]``. The files are
LAMOST spectra found in DIR, or simulated ones; each layout is measured plain and gzipped. Times are CPU
time of one process, the best of the repeats, with the files in the page cache: what is left is the work of
reading.
"""

from __future__ import annotations

import argparse
import gzip
import os
import platform
import sys
import tempfile
import time
import warnings
import zlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from astropy.io import fits

from vo_emline.preprocess import PreprocessOptions, needed_wavelengths
from vo_emline.simulate import write_lamost
from vo_emline.spectra import Spectrum, find_spectra, read, read_or_reject, read_part
from vo_emline.survey import prepare_files

DATA: Final = Path(__file__).parents[2] / "shared" / "data" / "lamost"
WINDOW: Final = (6519.0, 6732.0)
CARDS: Final = ("OBSID", "DESIG", "RA", "DEC", "PLANID", "SPID", "FIBERID", "LMJD", "DATE-OBS", "CLASS",
                "SUBCLASS", "Z", "EXPTIME", "VERSPIPE")  # fmt: skip
"""What identifies a spectrum."""

Way = Callable[[Path], Any]


def bytes_alone(path: Path) -> bytes:
    """Read the file; decompress it with the gzip library that ours uses."""
    content = path.read_bytes()
    return _decompress(content) if path.suffix == ".gz" else content


def thesis(path: Path) -> Any:
    """Open with astropy and go through the pixels one by one in Python."""
    with fits.open(path, memmap=False) as hdus:
        header = hdus[0].header
        values = [header.get(card) for card in CARDS]
        rows = _rows(hdus)
        start, step = header["COEFF0"], header["COEFF1"]
        wave, flux = [], []
        for i in range(len(rows[0])):
            wavelength = 10 ** (start + step * i)
            if WINDOW[0] <= wavelength <= WINDOW[1]:
                wave.append(wavelength)
                flux.append(rows[0][i])
    return values, np.interp(np.linspace(*WINDOW, 140), wave, flux)


def astropy(path: Path) -> Any:
    """Open with astropy; cut the window out of the arrays."""
    with fits.open(path, memmap=False) as hdus:
        header = hdus[0].header
        values = [header.get(card) for card in CARDS]
        rows = [np.asarray(row, dtype=np.float64) for row in _rows(hdus)[:4]]
    wave = 10 ** (header["COEFF0"] + header["COEFF1"] * np.arange(rows[0].size))
    low, high = np.searchsorted(wave, WINDOW)
    return values, wave[low:high], [row[low:high] for row in rows]


def thorough(path: Path) -> Spectrum:
    """Read with astropy and check everything (:func:`vo_emline.spectra.read`)."""
    return read(path)


def with_fitsio(path: Path) -> Any:
    """Read header and window with fitsio (cfitsio)."""
    import fitsio

    with fitsio.FITS(str(path)) as hdus:
        header = hdus[0].read_header()
        values = [header.get(card) for card in CARDS]
        start, step = header["COEFF0"], header["COEFF1"]
        low, high = (int((np.log10(edge) - start) / step) for edge in WINDOW)
        if hdus[0].has_data():
            return values, hdus[0][0:4, low:high]
        table = hdus[1].read(columns=["FLUX", "IVAR", "WAVELENGTH", "ANDMASK"])
        return values, [table[name][0][low:high] for name in table.dtype.names]


def ours(path: Path) -> Spectrum:
    """Read the part around the window, with identity and mask (:func:`vo_emline.spectra.read_part`)."""
    return read_part(path, between=_NEEDED)


def _rows(hdus: Any) -> Any:
    if hdus[0].data is not None:
        return hdus[0].data
    data = hdus[1].data
    return [np.ravel(data[name]) for name in ("FLUX", "IVAR", "WAVELENGTH", "ANDMASK")]


def _gzip_library() -> tuple[str, Callable[[bytes], bytes]]:
    try:
        from isal import isal_zlib
    except ImportError:
        return "zlib", lambda content: zlib.decompress(content, wbits=31)
    return "isal", lambda content: bytes(isal_zlib.decompress(content, wbits=31))


_GZIP, _decompress = _gzip_library()
_NEEDED: Final = needed_wavelengths(PreprocessOptions())


def windows(paths: Sequence[Path]) -> None:
    """Read and make the windows, as ``vo-emline ingest`` does."""
    prepare_files([str(path) for path in paths], PreprocessOptions())


def one_by_one(way: Way) -> Callable[[Sequence[Path]], None]:
    """Make of a way to read one file one to read many."""

    def many(paths: Sequence[Path]) -> None:
        for path in paths:
            way(path)

    return many


WAYS: Final = {
    "bytes alone": one_by_one(bytes_alone),
    "thesis (loop over pixels)": one_by_one(thesis),
    "astropy": one_by_one(astropy),
    "astropy, checked": one_by_one(thorough),
    "fitsio": one_by_one(with_fitsio),
    "ours": one_by_one(ours),
    "ours, with the window made": windows,
}


def seconds_per_file(way: Callable[[Sequence[Path]], None], paths: Sequence[Path], *, repeat: int) -> float:
    """Give CPU seconds per file, the best of some repeats after a first one that is not counted."""
    way(paths)
    best = float("inf")
    for _ in range(repeat):
        begin = time.process_time()
        way(paths)
        best = min(best, time.process_time() - begin)
    return best / len(paths)


def make_files(data: Path, folder: Path, *, count: int) -> dict[str, list[Path]]:
    """Lay `count` files of each layout into `folder`, plain and gzipped."""
    if not data.is_dir():
        data = folder / "simulated"
        write_lamost(data, n_stars=60, seed=1)
    found: defaultdict[str, list[bytes]] = defaultdict(list)
    for path in find_spectra([data]):
        spectrum = read_or_reject(path)
        if isinstance(spectrum, Spectrum) and "mrs" not in spectrum.layout:
            content = path.read_bytes()
            found[spectrum.layout].append(gzip.decompress(content) if path.suffix == ".gz" else content)
    made: dict[str, list[Path]] = {}
    for layout, contents in sorted(found.items()):
        for suffix in (".fits", ".fits.gz"):
            paths = [folder / layout / f"spec-55903-B90306_sp06-{n:03d}{suffix}" for n in range(count)]
            paths[0].parent.mkdir(exist_ok=True)
            for number, path in enumerate(paths):
                content = contents[number % len(contents)]
                path.write_bytes(gzip.compress(content, 6) if suffix.endswith("gz") else content)
            made[layout + (", gzipped" if suffix.endswith("gz") else "")] = paths
    return made


def table(files: dict[str, list[Path]], *, repeat: int) -> str:
    """Measure every way on every layout; give a table in Markdown."""
    lines = []
    for layout, paths in files.items():
        size = sum(path.stat().st_size for path in paths) // len(paths)
        lines += [f"### {layout} ({size / 1000:.0f} kB)", ""]
        lines += ["| way | µs per spectrum | spectra/s and core | × astropy | × the bytes |"]
        lines += ["|---|---:|---:|---:|---:|"]
        taken = {name: measured for name, way in WAYS.items() if (measured := _try(way, paths, repeat))}
        for name, seconds in taken.items():
            lines.append(
                f"| {name} | {seconds * 1e6:.0f} | {1 / seconds:,.0f} "
                f"| {taken['astropy'] / seconds:.1f} | {seconds / taken['bytes alone']:.1f} |"
            )
        lines.append("")
    return "\n".join(lines)


def _try(way: Callable[[Sequence[Path]], None], paths: Sequence[Path], repeat: int) -> float | None:
    try:
        return seconds_per_file(way, paths, repeat=repeat)
    except ImportError as error:
        warnings.warn(f"left out: {error}", stacklevel=2)
        return None


def main() -> None:
    """Measure and write the table to standard output."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of LAMOST files [%(default)s]")
    parser.add_argument("--files", type=int, default=100, help="files of each layout [%(default)s]")
    parser.add_argument("--repeat", type=int, default=7, help="the best of so many [%(default)s]")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", category=fits.verify.VerifyWarning)
    with tempfile.TemporaryDirectory() as folder:
        files = make_files(options.data, Path(folder), count=options.files)
        made = table(files, repeat=options.repeat)
    load = os.getloadavg()[0]
    sys.stdout.write(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores (load {load:.1f}), "
        f"Python {platform.python_version()}, numpy {np.__version__}, gunzip by {_GZIP}\n\n{made}"
    )


if __name__ == "__main__":
    main()
