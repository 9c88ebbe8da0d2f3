#!/bin/sh
# Compile lmplz from the source distribution of kenlm into build/kenlm/bin. Wants a C++ compiler, the
# headers and libraries of Boost (program_options, system, thread, unit_test_framework) and cmake,
# which the [speed] extra brings. Nothing else in the project needs lmplz.
set -eu
python=$1
folder=build/kenlm
version=$("$python" -c 'from importlib.metadata import version; print(version("kenlm"))')
mkdir -p "$folder"
"$python" -m pip download --disable-pip-version-check --quiet --no-deps --no-binary kenlm \
    --dest "$folder" "kenlm==$version"
tar -xzf "$folder/kenlm-$version.tar.gz" -C "$folder"
cmake() { "$python" -m cmake "$@"; }
# kenlm names a cmake older than the oldest that today's cmake imitates.
cmake -S "$folder/kenlm-$version" -B "$folder" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_POLICY_VERSION_MINIMUM=3.5 > "$folder/build.log" 2>&1
cmake --build "$folder" --target lmplz >> "$folder/build.log" 2>&1
