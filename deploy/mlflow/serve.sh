#!/usr/bin/env bash
# MLflow for a team on one machine: a tracking server with sign-in, its tables in PostgreSQL, files in a bucket.
set -euo pipefail
umask 077

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
usage="usage: serve.sh start | stop | status | run [--settings FILE]

  start    start PostgreSQL, unless MLFLOW_BACKEND_STORE_URI names one, and the server; once, however often asked
  stop     end what start started; nothing is removed
  status   say whether it answers; exit code 0 when it does, 3 when it does not
  run      the server alone, in the foreground, for containers and service managers

Settings are read from FILE, by default '.env' beside this script (see .env.example); variables of the environment
come first."

fail() {
  echo "serve.sh: $*" >&2
  exit 1
}

# NAME=VALUE lines as Docker reads them, never run as code.
read_settings() {
  local file=$1 line number=0 name value
  [[ -z $(find -L "$file" -perm /077) ]] ||
    fail "$file holds passwords and others may read it: run 'chmod 600 $file'"
  while IFS= read -r line || [[ -n $line ]]; do
    number=$((number + 1))
    if [[ $line =~ ^[[:space:]]*(#.*)?$ ]]; then continue; fi
    [[ $line =~ ^((MLFLOW|AFTER_RAY|POSTGRES|PG|AWS)_?[A-Z0-9_]*)=(.*)$ ]] ||
      fail "$file, line $number is no setting; allowed: NAME=VALUE of .env.example, AWS_... and comments"
    name=${BASH_REMATCH[1]} value=${BASH_REMATCH[3]}
    if [[ $value =~ ^\'(.*)\'$ || $value =~ ^\"(.*)\"$ ]]; then value=${BASH_REMATCH[1]}; fi
    if [[ -z ${!name+set} ]]; then export "$name=$value"; fi
  done < "$file"
}

# What the server must be told; nothing is started before all of it is right.
check_settings() {
  local length=${#MLFLOW_AUTH_ADMIN_PASSWORD}
  ((length > 0)) ||
    fail "MLFLOW_AUTH_ADMIN_PASSWORD is not set and there is no default: set 12 characters or more in ${settings:-.env}"
  ((length >= 12)) ||
    fail "MLFLOW_AUTH_ADMIN_PASSWORD has $length characters; allowed: 12 or more. Correct it in ${settings:-.env}"
  case $MLFLOW_HOST in
    "") fail "MLFLOW_HOST is not set: give this machine's address on the private network, which workers reach" ;;
    0.0.0.0 | :: | '[::]' | '*')
      fail "MLFLOW_HOST is '$MLFLOW_HOST', every network of this machine: give its address on the private one" ;;
  esac
  [[ -n ${MLFLOW_ARTIFACTS_DESTINATION:-} ]] ||
    fail "MLFLOW_ARTIFACTS_DESTINATION is not set: give the bucket that keeps files of runs, as s3://BUCKET/PREFIX"
  [[ $MLFLOW_ARTIFACTS_DESTINATION != *://BUCKET/* ]] ||
    fail "MLFLOW_ARTIFACTS_DESTINATION is still '$MLFLOW_ARTIFACTS_DESTINATION' of the example: give your own bucket"
  case $AFTER_RAY_MLFLOW_PERMISSION in
    READ | EDIT | MANAGE | NO_PERMISSIONS) ;;
    *) fail "AFTER_RAY_MLFLOW_PERMISSION is '$AFTER_RAY_MLFLOW_PERMISSION'; allowed: READ, EDIT, MANAGE, NO_PERMISSIONS" ;;
  esac
  case ${MLFLOW_BACKEND_STORE_URI:-postgresql+psycopg2:} in
    postgresql+psycopg2:*) ;;
    *) fail "MLFLOW_BACKEND_STORE_URI is of another kind; allowed: postgresql+psycopg2://USER@HOST/DATABASE, with PGPASSWORD" ;;
  esac
  lacking=$("$python" -c '
from importlib.util import find_spec
print(*(name for name in ("mlflow", "psycopg2", "boto3", "flask_wtf") if find_spec(name) is None))')
  [[ -z $lacking ]] ||
    fail "$python lacks $lacking: run \"pip install 'after-ray[server]'\" with it, or name another by AFTER_RAY_PYTHON"
}

# A password that nobody needs to know, made once.
own_secret() {
  local file=$data/$1
  if [[ ! -s $file ]]; then
    "$python" -c 'import secrets; print(secrets.token_hex(32))' > "$file.new"
    mv "$file.new" "$file"
  fi
  cat "$file"
}

# PostgreSQL refuses to run as root.
as_postgres() {
  if ((EUID == 0)); then
    (cd / && exec runuser -u "$postgres_user" -- env -u PGPASSWORD "$@")
  else
    "$@"
  fi
}

find_postgres() {
  local path
  path=$(command -v initdb || printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)
  postgres_tools=$(dirname "$(readlink -f "$path")") # with psql and createdb beside it
  [[ -x $postgres_tools/initdb && -x $postgres_tools/pg_ctl ]] ||
    fail "MLFLOW_BACKEND_STORE_URI is not set, and initdb and pg_ctl are not here to start a PostgreSQL: install it ('apt-get install postgresql'), or name one as postgresql+psycopg2://USER@HOST/DATABASE"
  postgres_user=postgres
  id -u postgres > /dev/null 2>&1 || postgres_user=nobody
}

postgres_is_there() { as_postgres "$postgres_tools/pg_ctl" -D "$data/postgres/tables" status > /dev/null 2>&1; }

postgres_answers() { "$postgres_tools/pg_isready" -q -h "$data/postgres" -U mlflow -d postgres; }

# Only through a socket in the data folder: no port, so nothing else of this machine can be in its way.
start_postgres() {
  local place=$data/postgres said=$data/postgres/log there
  ((${#place} <= 80)) || fail "the data folder $data is too long for a socket; allowed: 71 characters. Set AFTER_RAY_MLFLOW_DATA"
  mkdir -p "$place"
  if ((EUID == 0)); then chown "$postgres_user" "$place"; fi
  as_postgres test -w "$place" ||
    fail "the user '$postgres_user', who runs PostgreSQL, cannot write to $place: put AFTER_RAY_MLFLOW_DATA where that user may go"
  if [[ ! -d $place/tables ]]; then
    # Under another name until it is whole.
    as_postgres rm -rf "$place/new"
    as_postgres tee "$place/password" <<< "$PGPASSWORD" > /dev/null
    as_postgres "$postgres_tools/initdb" -D "$place/new" -U mlflow -E UTF8 --locale=C -A scram-sha-256 \
      --pwfile="$place/password" > "$data/initdb.log" 2>&1 || fail "no tables could be made, see $data/initdb.log"
    as_postgres rm "$place/password"
    as_postgres mv "$place/new" "$place/tables"
  fi
  postgres_answers || as_postgres "$postgres_tools/pg_ctl" -D "$place/tables" -l "$said" -w -t 60 \
    -o "-c listen_addresses='' -c unix_socket_directories='$place'" start > /dev/null 2>&1 9>&- ||
    fail "PostgreSQL did not start, see $said"
  there=$("$postgres_tools/psql" -h "$place" -U mlflow -d postgres -Atc \
    "select 1 from pg_database where datname = 'mlflow'")
  if [[ -z $there ]]; then "$postgres_tools/createdb" -h "$place" -U mlflow mlflow; fi
}

# What MLflow reads before its first start; later the password is changed by MLflow itself.
write_sign_in() {
  printf '%s\n' "[mlflow]" "default_permission = $AFTER_RAY_MLFLOW_PERMISSION" \
    "database_uri = ${MLFLOW_BACKEND_STORE_URI//%/%%}" \
    "authorization_function = mlflow.server.auth:authenticate_request_basic_auth" \
    "auth_cache_ttl_seconds = 60" > "$data/basic_auth.ini.new"
  mv "$data/basic_auth.ini.new" "$data/basic_auth.ini"
}

run() {
  write_sign_in
  export MLFLOW_AUTH_CONFIG_PATH=$data/basic_auth.ini
  export MLFLOW_FLASK_SERVER_SECRET_KEY=${MLFLOW_FLASK_SERVER_SECRET_KEY:-$(own_secret page.secret)}
  export MLFLOW_DISABLE_TELEMETRY=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false
  local names="$MLFLOW_HOST,$MLFLOW_HOST:$MLFLOW_PORT,localhost:*,127.0.0.1:*"
  export MLFLOW_SERVER_ALLOWED_HOSTS=$names${MLFLOW_SERVER_ALLOWED_HOSTS:+,$MLFLOW_SERVER_ALLOWED_HOSTS}
  export MLFLOW_SERVER_CORS_ALLOWED_ORIGINS=${MLFLOW_SERVER_CORS_ALLOWED_ORIGINS:-http://$MLFLOW_HOST:$MLFLOW_PORT}
  # The database and the bucket are told by the environment: a command line is for all to read.
  cd "$data"
  exec "$python" -m mlflow server --app-name basic-auth --host "$listen" --port "$MLFLOW_PORT" \
    --workers "$MLFLOW_WORKERS"
}

server_runs() {
  local pid
  [[ -s $data/server.pid ]] || return 1
  pid=$(< "$data/server.pid")
  [[ $(ps -o args= -p "$pid") == *"mlflow server"* ]] # a number may be another process after a restart
}

answers() {
  "$python" -c 'import sys, urllib.request as request; request.urlopen(sys.argv[1] + "/health", timeout=5)' \
    "$uri" 2> /dev/null
}

all_run() { server_runs && answers && { ((own_postgres == 0)) || postgres_answers; }; }

start() {
  exec 9> "$data/start.lock"
  flock -w 180 9 || fail "another start has $data/start.lock for 3 minutes: look at $data/server.log"
  if all_run; then
    echo "MLflow runs already at $uri"
    return
  fi
  if server_runs; then end_server; fi # it hangs, or its PostgreSQL is gone
  if ((own_postgres)); then start_postgres; fi
  (run_in_background)
  local left=400
  until answers; do
    server_runs || fail "MLflow ended while it started, see $data/server.log: $(grep -v '^$' "$data/server.log" | tail -n 1)"
    ((left-- > 0)) || fail "MLflow does not answer at $uri after 2 minutes, see $data/server.log"
    sleep 0.3
  done
  echo "MLflow runs at $uri; sign in as '$MLFLOW_AUTH_ADMIN_USERNAME'"
}

# In a session of its own, which stop ends as a whole; without the lock, which it would keep.
run_in_background() {
  exec 9>&-
  setsid "$here/serve.sh" run ${settings:+--settings "$settings"} < /dev/null > "$data/server.log" 2>&1 &
  echo $! > "$data/server.pid"
  until server_runs; do # until then it is a shell that checks and writes
    kill -0 $! 2> /dev/null || return 0
    sleep 0.1
  done
}

end_server() {
  local pid left=150
  pid=$(< "$data/server.pid")
  kill -TERM -- "-$pid" 2> /dev/null || true
  # What has ended may be listed, as Z, until somebody asks for its exit code: in a container perhaps nobody does.
  while ps -o stat= -s "$pid" | grep -q '^[^Z]'; do
    case $((left--)) in
      50) kill -KILL -- "-$pid" ;;
      0) fail "the server, process $pid, cannot be ended: end it by hand" ;;
    esac
    sleep 0.1
  done
}

stop() {
  if server_runs; then end_server; fi
  rm -f "$data/server.pid"
  if ((own_postgres)) && [[ -d $data/postgres/tables ]] && postgres_is_there; then
    as_postgres "$postgres_tools/pg_ctl" -D "$data/postgres/tables" -m fast -w stop > /dev/null
  fi
  echo "MLflow is stopped; its tables stay in ${own_place}"
}

status() {
  if all_run; then
    echo "MLflow runs at $uri"
  else
    echo "MLflow does not run at $uri; 'serve.sh start' starts it"
    exit 3
  fi
}

verb=${1:-}
settings=
if [[ ${2:-} == --settings && -n ${3:-} && $# == 3 ]]; then
  settings=$3
  [[ -f $settings ]] || fail "there is no settings file $settings: copy $here/.env.example to it and fill it in"
elif (($# > 1)); then
  fail "'${*:2}' is not understood. $usage"
elif [[ -f $here/.env ]]; then
  settings=$here/.env
fi
case $verb in
  start | stop | status | run) ;;
  -h | --help)
    echo "$usage"
    exit
    ;;
  *) fail "'$verb' is no command. $usage" ;;
esac
if [[ -n $settings ]]; then read_settings "$settings"; fi

python=${AFTER_RAY_PYTHON:-}
if [[ -z $python ]]; then
  python=$here/../../.venv/bin/python
  [[ -x $python ]] || python=$(command -v python3) || fail "there is no python3: name one by AFTER_RAY_PYTHON"
fi
data=$HOME/after-ray-mlflow
if ((EUID == 0)); then data=/var/lib/after-ray-mlflow; fi # where PostgreSQL's user may go
data=${AFTER_RAY_MLFLOW_DATA:-$data}
[[ -d $data ]] || mkdir -p -m 711 "$data"
data=$(cd "$data" && pwd)

MLFLOW_HOST=${MLFLOW_HOST:-}
MLFLOW_PORT=${MLFLOW_PORT:-5000}
MLFLOW_WORKERS=${MLFLOW_WORKERS:-2}
AFTER_RAY_MLFLOW_PERMISSION=${AFTER_RAY_MLFLOW_PERMISSION:-READ}
export MLFLOW_AUTH_ADMIN_USERNAME=${MLFLOW_AUTH_ADMIN_USERNAME:-admin}
export MLFLOW_AUTH_ADMIN_PASSWORD=${MLFLOW_AUTH_ADMIN_PASSWORD:-}
listen=${AFTER_RAY_MLFLOW_LISTEN:-$MLFLOW_HOST} # in a container every network, all of them private
uri=http://$MLFLOW_HOST:$MLFLOW_PORT
check_settings

own_postgres=0
own_place="the database of MLFLOW_BACKEND_STORE_URI"
if [[ -z ${MLFLOW_BACKEND_STORE_URI:-} ]]; then
  [[ $verb != run ]] || fail "run starts no PostgreSQL: set MLFLOW_BACKEND_STORE_URI, or use start"
  own_postgres=1
  own_place=$data/postgres
  find_postgres
  PGPASSWORD=$(own_secret database.secret)
  export PGPASSWORD MLFLOW_BACKEND_STORE_URI="postgresql+psycopg2://mlflow@/mlflow?host=$data/postgres"
fi
"$verb"
