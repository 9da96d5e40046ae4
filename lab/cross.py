"""The device's programs for processors that the build host has not: compiled with Debian's cross compiler against Debian's libraries."""
import fcntl
import os

import cache
import debian

REPOSITORY = cache.HERE.parent
PROGRAMS = {"aloftd": "src/agent", "aloft-rebuild": "src/rebuild", "aloft-watchdog": "integration/initramfs"}


def program(name, architecture):
    """The program's path, up to date with the sources."""
    return build(architecture) / PROGRAMS[name] / name


def build(architecture, built={}):  # once in a run of the lab
    if architecture.name in built:
        return built[architecture.name]
    sysroot = debian.foreign_tree(architecture)
    folder = REPOSITORY / "build" / f"lab-{architecture.debian}"
    folder.mkdir(parents=True, exist_ok=True)
    libraries = f"{sysroot}/usr/lib/{architecture.triplet}"
    environment = {**os.environ, "PKG_CONFIG_LIBDIR": f"{libraries}/pkgconfig:{sysroot}/usr/share/pkgconfig", "PKG_CONFIG_SYSROOT_DIR": str(sysroot)}
    options = {"CMAKE_SYSTEM_NAME": "Linux", "CMAKE_SYSTEM_PROCESSOR": architecture.triplet.split("-")[0], "CMAKE_SYSROOT": sysroot,
               "CMAKE_C_COMPILER": f"{architecture.triplet}-gcc", "CMAKE_CXX_COMPILER": f"{architecture.triplet}-g++",
               "CMAKE_FIND_ROOT_PATH_MODE_PROGRAM": "NEVER", "CMAKE_FIND_ROOT_PATH_MODE_LIBRARY": "ONLY", "CMAKE_FIND_ROOT_PATH_MODE_INCLUDE": "ONLY",
               "CMAKE_FIND_ROOT_PATH_MODE_PACKAGE": "ONLY", "CMAKE_LIBRARY_ARCHITECTURE": architecture.triplet, "CMAKE_BUILD_TYPE": "None",
               "CMAKE_CXX_FLAGS": "-O1 -g1", "ALOFT_TESTS": "OFF", "ALOFT_SERVER": "OFF"}
    print(f"lab: building the agent for {architecture.name}", flush=True)
    with open(folder / "lab.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = folder / "CMakeCache.txt"
        if known.is_file() and str(sysroot) not in known.read_text():
            known.unlink()  # it knows libraries of an older tree
        debian.run("cmake", "-S", REPOSITORY, "-B", folder, "-G", "Ninja", *(f"-D{name}={value}" for name, value in options.items()), env=environment)
        debian.run("cmake", "--build", folder, "--target", *PROGRAMS, "-j", str(os.cpu_count() or 1), env=environment)
    return built.setdefault(architecture.name, folder)
