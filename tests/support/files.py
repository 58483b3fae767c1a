"""Files put in place the ways that people and programs do it."""

import os
import pathlib
import shutil


def put(path, content):
    """By a rename: the file is the old one or the new one, never half."""
    beside = pathlib.Path(f"{path}.new")
    beside.write_bytes(content)
    beside.chmod(0o600)
    os.replace(beside, path)


def copy(source, target):
    put(target, pathlib.Path(source).read_bytes())


class Mount:
    """A folder as Kubernetes mounts a secret: names link to ..data/NAME, ..data to the folder of a
    version; update() turns ..data, and all files are others at once."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.version = 0

    def path(self, name):
        return self.folder / name

    def update(self, **files):
        """Keywords with _ for . in the names: cert_pem=bytes."""
        self.version += 1
        data = self.folder / f"..version{self.version}"
        data.mkdir()
        for keyword, content in files.items():
            name = keyword.replace("_", ".")
            (data / name).write_bytes(content)
            (data / name).chmod(0o600)
            if not self.path(name).is_symlink():
                self.path(name).symlink_to(f"..data/{name}")
        link = self.folder / "..data_tmp"
        link.symlink_to(data.name)
        os.replace(link, self.folder / "..data")
        old = self.folder / f"..version{self.version - 1}"
        if old.exists():
            shutil.rmtree(old)
