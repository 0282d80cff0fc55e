"""The sdist is complete, the wheel carries the data folders, and what is installed from it runs."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

import cosport
from tests.support import ROOT

FOLDERS = ("templates", "pipelines", "patches")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it."""
    out = tmp_path_factory.mktemp("dist")
    argv = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment that holds the wheel and nothing else; libraries come by PYTHONPATH."""
    home = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    python = home / "bin/python"
    (wheel,) = built.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", str(wheel)], check=True)
    return python


def run(python: Path, *args: str, cwd: Path) -> str:
    env = {**os.environ, "PYTHONPATH": sysconfig.get_path("purelib")}
    return subprocess.run([str(python), *args], cwd=cwd, env=env, capture_output=True, text=True, check=True).stdout


def data_files() -> list[str]:
    return sorted(
        str(file.relative_to(ROOT)) for folder in FOLDERS for file in (ROOT / folder).rglob("*") if file.is_file()
    )


def test_the_wheel_carries_the_code_the_data_and_the_license(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"cosport/_share/{name}" for name in data_files()} <= set(names)
    assert {f"cosport/{file.relative_to(ROOT / 'cosport')}" for file in (ROOT / "cosport").rglob("*.py")} <= set(names)
    assert "cosport/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith("tests/") for name in names)


def test_the_sdist_holds_what_tests_need(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {*data_files(), "Makefile", "LICENSE", "README.md", "tests/conftest.py", "pyproject.toml"} <= names


def test_what_is_installed_answers_and_comes_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    script = installed.with_name("cosport")
    assert run(script, "--version", cwd=tmp_path) == f"cosport {cosport.__version__}\n"
    where = run(installed, "-c", "import cosport; print(cosport.__file__)", cwd=tmp_path).strip()
    assert Path(where).is_relative_to(installed.parent.parent)
    assert "backport" in run(script, "schema", cwd=tmp_path)


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_is_installed_finds_its_data(folder: str, installed: Path, tmp_path: Path) -> None:
    code = f"from cosport import resources; print(resources.path({folder!r}))"
    found = Path(run(installed, "-c", code, cwd=tmp_path).strip())
    assert found.is_relative_to(installed.parent.parent)
    names = [file for file in data_files() if file.startswith(f"{folder}/")]
    assert names
    for name in names:
        assert (found.parent / name).read_bytes() == (ROOT / name).read_bytes()


def test_a_checkout_finds_its_data() -> None:
    from cosport import resources
    from cosport.errors import ToolError

    assert resources.path("templates") == ROOT / "templates"
    with pytest.raises(ToolError) as caught:
        resources.path("templates", "nothing.j2")
    assert "reinstall" in caught.value.hint
