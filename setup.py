"""The one thing that pyproject.toml cannot say in a settled form: a compiled library, where a compiler is at hand.

It is a plain shared library, loaded through ctypes: none of Python's headers is needed to build it, and one build
serves every version of Python. Where it cannot be compiled, installation goes on, and strategies run on torch alone.
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
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp310"}},
)
