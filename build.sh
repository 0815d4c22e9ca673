#!/usr/bin/env bash
# An action's image for each model, tried and pushed. Runs with bash 3.2 as well: that is what macOS has.
set -u

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LIST=$HERE/images/models.txt

usage() {
    cat <<'TEXT'
MODELS="max-object-detector max-ocr" USERNAME=me ./build.sh

Adds openwhisk.py to the image of each model, tries the result, pushes it and says how to deploy it.

  MODELS     names, separated by spaces; all: every MAX model; a name with / is taken whole     (no default)
  USERNAME   whose images they become in the registry                       (no default; not needed with PUSH=0)
  BASE       where the models' images are                                                  (quay.io/codait)
  REGISTRY   where the actions' images go                                                        (docker.io)
  TAG        their tag; not latest, which OpenWhisk pulls for every container         (this product's version)
  ENGINE     docker, podman, or registry: add the file inside the registry, in kilobytes
                                                            (the first that works, registry if there is none)
  PUSH       0: build and try only                                                                      (1)
  SMOKE      0: push without having asked the image /init and one /run                                  (1)
  JOBS       how many models at a time                                                                  (2)
  DRY_RUN    1: say what would be done                                                                  (0)

Log in first: `docker login`; or, for ENGINE=registry, REGISTRY_USERNAME and REGISTRY_PASSWORD.
The exit status is 0 if every model succeeded, 1 if one failed, 2 if a setting is wrong.
TEXT
}

refuse() {
    echo "build.sh: $*" >&2
    exit 2
}

settings() {
    VERSION=$(cat "$HERE/images/VERSION")
    BASE=${BASE:-quay.io/codait} REGISTRY=${REGISTRY:-docker.io} USERNAME=${USERNAME:-} TAG=${TAG:-$VERSION}
    PUSH=${PUSH:-1} SMOKE=${SMOKE:-1} JOBS=${JOBS:-2} DRY_RUN=${DRY_RUN:-0} MODELS=${MODELS:-} ENGINE=${ENGINE:-}
    [ -n "$MODELS" ] || refuse "MODELS is empty: name models, or say MODELS=all (--help lists all settings)"
    [ "$TAG" != latest ] || refuse "TAG=latest: OpenWhisk pulls latest again for every container; name a version"
    case $JOBS in '' | *[!0-9]* | 0) refuse "JOBS=$JOBS: a number from 1 was expected" ;; esac
    case ${ENGINE:=$(working_engine)} in
        docker | podman | registry) ;;
        *) refuse "ENGINE=$ENGINE: docker, podman or registry was expected" ;;
    esac
    if [ "$PUSH" = 0 ]; then
        [ "$ENGINE" != registry ] || refuse "PUSH=0 leaves nothing to do for ENGINE=registry; DRY_RUN=1 shows its plan"
    elif [ -z "$USERNAME" ]; then
        refuse "USERNAME is empty: whose images will they be? (PUSH=0 builds without pushing)"
    fi
    [ "$ENGINE" != registry ] || python_for_layer
    if [ "$MODELS" = all ]; then
        MODELS=$(awk '$1 ~ /^[^#]/ { print $1 }' "$LIST")
    fi
    check_names
}

check_names() {
    local model
    set -f # a name is no pattern
    for model in $MODELS; do
        case $model in
            [!A-Za-z0-9]* | *[!A-Za-z0-9._/:@-]*) refuse "MODELS: '$model': a name like max-ocr was expected" ;;
        esac
    done
    set +f
}

working_engine() {
    local engine
    for engine in docker podman; do
        if command -v "$engine" >/dev/null && "$engine" info >/dev/null 2>&1; then
            echo "$engine"
            return
        fi
    done
    echo registry
}

python_for_layer() {
    for PYTHON in "$HERE/.venv/bin/python" python3 python; do
        "$PYTHON" -c 'import requests' 2>/dev/null && return
    done
    refuse "ENGINE=registry needs Python 3.9 with requests: python3 -m pip install -r requirements/layer.txt"
}

# -- one model ------------------------------------------------------------------------------------------------------

# Each model has a folder: log, and in the end either `failure` or `result` (image, digest, bytes sent, limits).
build_model() {
    local model=$1 base name image limits memory timeout
    case $model in
        */*) base=$model ;;
        *) base=$BASE/$model ;;
    esac
    name=${base##*/} name=${name%%[:@]*}
    image=$(image_name "$name")
    limits=$(awk -v name="$name" '$1 == name { print $2, $3 }' "$LIST")
    read -r memory timeout <<<"${limits:-512 60000}"
    DIGEST='' SENT=''
    if [ "$ENGINE" = registry ]; then
        layer_model
    else
        engine_model
    fi || return 1
    printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$image" "$DIGEST" "$SENT" "$name" "$memory" "$timeout" >"$OUT/result"
}

image_name() {
    local owner=${USERNAME:+$USERNAME/}
    [ "$REGISTRY" = docker.io ] || [ -z "$owner" ] || owner=$REGISTRY/$owner
    echo "$owner$1:$TAG"
}

layer_model() {
    local answer
    if [ "$DRY_RUN" = 1 ]; then
        "$PYTHON" "$HERE/layer.py" "$base" "$image" --dry-run || fail
        return
    fi
    answer=$("$PYTHON" "$HERE/layer.py" "$base" "$image" --json) || { fail; return 1; }
    DIGEST=${answer##*\"digest\": \"} DIGEST=${DIGEST%%\"*}
    SENT=${answer##*\"sent\": } SENT=${SENT%%[!0-9]*}
    [ "$SMOKE" = 0 ] || echo "not tried: no engine here to start it with"
}

engine_model() {
    local command python
    if [ "$DRY_RUN" = 1 ]; then
        echo "$ENGINE: pull $base, add /openwhisk.py, try it, push $image"
        return
    fi
    echo "pulling $base"
    "$ENGINE" pull "$base" || "$ENGINE" image inspect "$base" >/dev/null || { fail; return 1; }
    command=$(start_command "$base") || { fail; return 1; }
    case $command in
        *'"/openwhisk.py"'*) fail "the base is an action's image already: name the model's own image"; return 1 ;;
    esac
    find_python || return 1
    [ "$command" != '[]' ] || command="[\"$python\",\"app.py\"]"
    build_image || { fail; return 1; }
    [ "$SMOKE" = 0 ] || try_image || return 1
    [ "$PUSH" = 0 ] || push_image
}

# ENTRYPOINT and CMD as one list, JSON: what the adapter is to start.
start_command() {
    local entrypoint cmd
    entrypoint=$("$ENGINE" image inspect --format '{{json .Config.Entrypoint}}' "$1") || return 1
    cmd=$("$ENGINE" image inspect --format '{{json .Config.Cmd}}' "$1") || return 1
    joined "${entrypoint#null}" "${cmd#null}"
}

joined() {
    local first=${1#\[} second=${2#\[}
    first=${first%\]} second=${second%\]}
    echo "[$first${first:+${second:+,}}$second]"
}

# The Python that the start command names, else whatever the image has; refused if that can't run the adapter.
find_python() {
    local status said named
    named=$(grep -oE '[^" ]*python3?(\.[0-9]+)?[" ]' <<<"$command" | head -n 1 | tr -d '" ')
    for python in $named python python3; do
        said=$("$ENGINE" run --rm --interactive --network none --entrypoint "$python" "$base" - "$command" \
            <"$HERE/images/check_base.py" 2>>"$OUT/log")
        status=$?
        case $status in
            0) return ;;
            3) fail "$said"; return 1 ;;
            127) ;; # there is no such program
            *) cannot_start; return ;;
        esac
    done
    fail "the base has no Python (its start command: $command), and openwhisk.py runs on the image's own:" \
        "make the base from an image with Python 3.6 or newer, or add one to it," \
        "like 'RUN apt-get install -y python3-minimal'"
    return 1
}

# An engine that only builds, as in some CI systems, is good enough for those who don't want the image tried.
cannot_start() {
    [ "$SMOKE" = 0 ] || { fail "$ENGINE can't start $base here: $(tail -n 1 "$OUT/log"); SMOKE=0 goes without"; return 1; }
    python=${named:-python}
    echo "not checked: $ENGINE can't start containers here; $python is taken for the image's Python"
}

build_image() {
    local digest
    digest=$("$ENGINE" image inspect --format '{{range .RepoDigests}}{{.}}{{"\n"}}{{end}}' "$base" | grep -m 1 '@')
    {
        cat "$HERE/Dockerfile"
        printf 'ENTRYPOINT ["%s", "/openwhisk.py"]\nCMD %s\n' "$python" "$command"
        printf 'LABEL org.opencontainers.image.base.digest="%s"\n' "${digest#*@}"
    } >"$OUT/Dockerfile"
    echo "building $image"
    "$ENGINE" build --quiet --file "$OUT/Dockerfile" --tag "$image" \
        --build-arg "BASE=${base%/*}" --build-arg "MODEL=${base##*/}" "$WORK/context"
}

# With the limits that the platform will set, and with its questions.
try_image() {
    local container said
    echo "trying $image"
    container=$("$ENGINE" run --detach --cidfile "$OUT/container" --memory "${memory}m" \
        --cap-drop NET_RAW --cap-drop NET_ADMIN --pids-limit 1024 "$image") || { fail; return 1; }
    said=$("$ENGINE" exec --interactive "$container" "$python" - $((timeout / 1000)) \
        <"$HERE/images/check_action.py" 2>&1)
    local status=$?
    echo "$said"
    [ $status = 0 ] || "$ENGINE" logs --tail 20 "$container" 2>&1
    "$ENGINE" rm --force "$container" >/dev/null
    rm -f "$OUT/container"
    [ $status = 0 ] || { fail "it doesn't work, so it wasn't pushed: $said"; return 1; }
}

push_image() {
    echo "pushing $image"
    if [ "$ENGINE" = podman ]; then
        podman push --digestfile "$OUT/digest" "$image" || { fail; return 1; }
        DIGEST=$(cat "$OUT/digest")
    else
        docker push "$image" | tee "$OUT/pushed" || { fail; return 1; }
        DIGEST=$(sed -n 's/.*digest: \(sha256:[0-9a-f]*\).*/\1/p' "$OUT/pushed")
        [ -n "$DIGEST" ] || { fail; return 1; }
        SENT=$(pushed_bytes)
    fi
}

# Docker doesn't say what it sent: the sizes, in the manifest, of those layers that it lists as pushed.
pushed_bytes() {
    docker manifest inspect --insecure "${image%:*}@$DIGEST" >"$OUT/manifest" 2>/dev/null || return 0
    docker image inspect --format '{{range .RootFS.Layers}}{{.}}{{"\n"}}{{end}}' "$image" | grep . >"$OUT/layers"
    awk '
        FILENAME ~ /pushed$/ { if ($2 == "Pushed") sent[substr($1, 1, 12)] = 1; next }
        FILENAME ~ /layers$/ { layer[++layers] = substr($1, 8, 12); next }
        /"size":/ { gsub(/[^0-9]/, ""); if (sizes++) { if (layer[sizes - 1] in sent) total += $0 } else total = $0 }
        END { print total }
    ' "$OUT/pushed" "$OUT/layers" "$OUT/manifest"
}

fail() {
    echo "${*:-$(tail -n 1 "$OUT/log")}" >"$OUT/failure"
    return 1
}

# -- all models -----------------------------------------------------------------------------------------------------

start_all() {
    local model running=0
    for model in $MODELS; do
        while running=$(jobs -pr | wc -l) && [ "$running" -ge "$JOBS" ]; do
            wait_a_little
        done
        OUT=$WORK/$((COUNT += 1))
        mkdir "$OUT"
        echo "$model" >"$OUT/model"
        (build_model "$model" || [ -s "$OUT/failure" ] || fail) </dev/null >>"$OUT/log" 2>&1 &
    done
    while [ -n "$(jobs -pr)" ]; do
        wait_a_little
    done
    status_line ''
}

wait_a_little() {
    local folder line=''
    if [ -t 2 ]; then
        for folder in "$WORK"/[0-9]*; do
            [ -e "$folder/result" ] || [ -e "$folder/failure" ] || line="$line  $(state "$folder")"
        done
        status_line "$(find "$WORK" -name result -o -name failure | wc -l | tr -d ' ')/$TOTAL done$line"
    fi
    sleep 0.2
}

# What a model is at: the last line of its log, and how many of its layers have arrived.
state() {
    local layers
    layers=$(grep -cE ': (Pull complete|Already exists|Pushed|Layer already exists|Mounted from)' "$1/log" 2>/dev/null)
    echo "$(cat "$1/model"): $(tail -n 1 "$1/log" 2>/dev/null | cut -c 1-60) (${layers:-0} layers)"
}

status_line() {
    [ ! -t 2 ] || printf '\r\033[K%.*s' "$(($(tput cols 2>/dev/null || echo 80) - 1))" "$1" >&2
}

summary() {
    local number failed=0
    [ "$DRY_RUN" != 1 ] || { plans; return; }
    echo "IMAGE  DIGEST  BYTES SENT"
    for number in $(seq 1 "$COUNT"); do
        [ ! -s "$WORK/$number/result" ] || awk -F '\t' '{ print $1 "  " ($2 ? $2 : "-") "  " ($3 ? $3 : "-") }' \
            "$WORK/$number/result"
    done
    echo
    for number in $(seq 1 "$COUNT"); do
        [ ! -s "$WORK/$number/result" ] || awk -F '\t' \
            '{ print "wsk action update " $4 " --docker " $1 " --web raw -m " $5 " -t " $6 }' "$WORK/$number/result"
    done
    for number in $(seq 1 "$COUNT"); do
        if [ ! -s "$WORK/$number/result" ]; then
            failed=1
            echo "$(cat "$WORK/$number/model") failed: $(cat "$WORK/$number/failure")" >&2
        fi
    done
    return $failed
}

plans() {
    local number failed=0
    for number in $(seq 1 "$COUNT"); do
        cat "$WORK/$number/log"
        [ -s "$WORK/$number/result" ] || failed=1
    done
    return $failed
}

clean() {
    local file job
    for job in $(jobs -pr); do
        kill -TERM -- "-$job"
        wait "$job" 2>/dev/null
    done
    for file in "$WORK"/*/container; do
        [ ! -s "$file" ] || "$ENGINE" rm --force "$(cat "$file")" >/dev/null
    done
    rm -rf "$WORK"
}

main() {
    case ${1:-} in
        -h | --help) usage; exit ;;
        ?*) refuse "$1: settings are environment variables, --help lists them" ;;
    esac
    settings
    WORK=$(mktemp -d) COUNT=0
    TOTAL=$(wc -w <<<"$MODELS" | tr -d ' ')
    trap clean EXIT
    trap 'echo "build.sh: interrupted" >&2; exit 130' INT TERM
    set -m # each model's processes are a group of their own, so that they can be ended together
    # The same bytes on every build: what git checked out has today's time and the user's umask.
    mkdir "$WORK/context"
    cp "$HERE/openwhisk.py" "$WORK/context"
    chmod 644 "$WORK/context/openwhisk.py"
    TZ=UTC touch -t 197001010000 "$WORK/context/openwhisk.py"
    start_all
    summary
}

main "$@"
