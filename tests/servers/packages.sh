#!/usr/bin/env bash
# Pinned downloads from PyPI, Maven Central and the Go module proxy into the cache; each is done once and shared by all
# checkouts. Sourced by `servers`. What Debian has comes from `tools/setup servers`.

cache() { echo "${MILLPOND_CACHE:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/.cache/millpond-deps}/servers"; }

# once NAME COMMAND...: runs a command that fills $(cache)/NAME.part, and gives it its name when that is whole.
once() {
  local into=$1
  into=$(cache)/$1
  shift
  [ ! -e "$into" ] || return 0
  mkdir -p "$(dirname "$into")"
  exec 9>"$into.lock"
  flock 9
  if [ ! -e "$into" ]; then
    rm -rf "$into.part"
    say "fetching $(basename "$into") (once; log: $into.log)"
    if ! "$@" "$into.part" >"$into.log" 2>&1; then
      tail -n 5 "$into.log" >&2
      rm -rf "$into.part"
      cannot "could not fetch $(basename "$into")"
    fi
    mv "$into.part" "$into"
  fi
  flock -u 9
}

# go_program NAME MODULE VERSION PACKAGE: $(cache)/NAME, built in a module of its own; Go checks the module's hash.
go_program() {
  command -v go >/dev/null || cannot "Go is not installed; $1 is built with it"
  once "$1" build_go_program "$2" "$3" "$4"
}
build_go_program() {
  local module=$1 version=$2 package=$3 out=$4 work
  work=$(mktemp -d)
  printf 'module millpond-test-server\ngo 1.26\nrequire %s %s\n' "$module" "$version" >"$work/go.mod"
  # What is only needed to build goes with the folder; it would be gigabytes.
  (cd "$work" && GOMODCACHE=$work/modules GOCACHE=$work/cache GOFLAGS=-modcacherw \
    go build -mod=mod -trimpath -ldflags '-s -w' -o "$out" "$package")
  local code=$?
  rm -rf "$work"
  return $code
}

# python_environment NAME REQUIREMENTS-FILE: $(cache)/NAME, a virtual environment of hashed requirements.
python_environment() { once "$1" make_python_environment "$2" "$(cache)/$1"; }
make_python_environment() {
  local requirements=$1 final=$2 part=$3
  # Its programs name the folder that it is made in, so it is made in its last place and marked by a link.
  # pyspark comes as source alone; the constraint pins what builds it.
  mkdir -p "$final.venv"
  python3 -m venv --clear "$final.venv" && echo 'setuptools==80.9.0' >"$final.venv/constraint" &&
    PIP_CONSTRAINT=$final.venv/constraint "$final.venv/bin/pip" install --quiet --disable-pip-version-check --no-deps \
      --only-binary :all: --no-binary pyspark --require-hashes -r "$requirements" &&
    ln -s "$(basename "$final").venv" "$part"
}

# jars NAME GROUP:ARTIFACT:VERSION...: $(cache)/NAME with the jars and what they need; Maven checks the checksums.
jars() {
  local name=$1
  shift
  command -v mvn >/dev/null || cannot "Maven is not installed; run tools/setup servers"
  once "$name" fetch_jars "$@"
}
fetch_jars() {
  local out=${*: -1} work coordinate group artifact version
  work=$(mktemp -d)
  {
    echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
    echo '<groupId>millpond</groupId><artifactId>test-servers</artifactId><version>1</version><packaging>pom</packaging>'
    echo '<dependencies>'
    for coordinate in "${@:1:$#-1}"; do
      IFS=: read -r group artifact version <<<"$coordinate"
      echo "<dependency><groupId>$group</groupId><artifactId>$artifact</artifactId><version>$version</version></dependency>"
    done
    echo '</dependencies></project>'
  } >"$work/pom.xml"
  mvn --batch-mode --no-transfer-progress --quiet --strict-checksums -Dmaven.repo.local="$work/repository" \
    -f "$work/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$out"
  local code=$?
  rm -rf "$work"
  return $code
}

# java17: the home of a Java 17, which Spark needs.
java17() {
  local place
  for place in "${JAVA17_HOME:-}" /usr/lib/jvm/java-17-openjdk-*; do
    if [ -x "$place/bin/java" ]; then
      echo "$place"
      return
    fi
  done
  cannot "Java 17 is not installed; run tools/setup servers, or set JAVA17_HOME"
}
