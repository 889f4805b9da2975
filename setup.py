"""The one thing that pyproject.toml cannot say in a settled form: compiled libraries, where a compiler is at hand.

They are plain shared libraries, loaded through ctypes: none of Python's headers is needed to build them, and one build
serves every version of Python. Where they cannot be compiled, installation goes on: strategies run on torch alone, and
the scorer on Python and numpy.
"""

from pathlib import Path

from setuptools import Extension, setup

HOME = Path("baselines", "kernels")

setup(
    ext_modules=[
        Extension(
            "text2json.baselines.kernels.compiled",
            sources=[str(HOME / "compiled.c")],
            depends=sorted(str(file) for file in HOME.glob("*.h")),
            extra_compile_args=["-O3", "-g0", "-fno-math-errno", "-fvisibility=hidden"],
            libraries=["pthread", "m"],
            py_limited_api=True,
            optional=True,
        ),
        Extension(
            "text2json.metrics.compiled",
            sources=sorted(str(file) for file in Path("metrics").glob("*.c")),
            depends=[str(Path("metrics", "compiled.h"))],
            extra_compile_args=["-O3", "-g0", "-fvisibility=hidden"],
            libraries=["m"],
            py_limited_api=True,
            optional=True,
        ),
    ],
    options={"bdist_wheel": {"py_limited_api": "cp310"}},
)
