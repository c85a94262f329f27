#!/usr/bin/env bats
# packaging/kubernetes without a cluster: the objects against the API's published schema, the
# numbers in them against each other, and the container's own arguments on the real program, with a
# volume that is swapped as a kubelet does it.

bats_require_minimum_version 1.5.0
load ../helpers

setup() {
  DIR=$BATS_TEST_TMPDIR
  MANIFEST=$ROOT/packaging/kubernetes/app.yaml
  VALIDATE=$BATS_TEST_DIRNAME/validate
}

# deployment JQ-FILTER: from the Deployment.
deployment() {
  /usr/bin/python3 -c '
import json, sys, yaml
json.dump(next(o for o in yaml.safe_load_all(sys.stdin) if o["kind"] == "Deployment"), sys.stdout)
' <"$MANIFEST" | jq -r "$1"
}

# argument NAME: the value of that option in the Deployment.
argument() {
  deployment ".spec.template.spec.containers[0].args[] | select(startswith(\"--$1=\")) | ltrimstr(\"--$1=\")"
}

# refused FROM TO MESSAGE: with this replaced, the validator says so.
refused() {
  sed "s|$1|$2|" "$MANIFEST" >"$DIR/broken.yaml"
  run ! cmp "$MANIFEST" "$DIR/broken.yaml"
  run -1 "$VALIDATE" "$DIR/broken.yaml"
  [[ $output == *"$3"* ]]
}

@test "every object is valid, and the validator sees what is not" {
  "$VALIDATE" "$MANIFEST"
  refused 'terminationGracePeriodSeconds:' 'terminationGracePeriod:' 'terminationGracePeriod: no such field'
  refused 'replicas: 3' 'replicas: "3"' "replicas: expected int, got '3'"
  refused 'containerPort: 8080' 'hostPort: 8080' "container_port\`, must not be \`None\`"
  refused 'kind: PodDisruptionBudget' 'kind: PodDisruption' 'no such kind'
  refused 'drop: \["ALL"\]' 'drop: ALL' 'drop: expected a list'
}

@test "the grace period is longer than the pause before the stop and the stop together" {
  grace=$(deployment .spec.template.spec.terminationGracePeriodSeconds)
  pause=$(deployment '.spec.template.spec.containers[0].lifecycle.preStop.exec.command[1]')
  [ "$grace" -gt $((pause + $(argument stop-timeout))) ]
  [ "$(argument kill-timeout)" -le "$(argument stop-timeout)" ]
}

@test "tasuki gives a slow start up before the startup probe does" {
  patience=$(deployment '.spec.template.spec.containers[0].startupProbe | .periodSeconds * .failureThreshold')
  [ "$patience" -gt $(($(argument ready-timeout) + $(argument probation))) ]
}

@test "what the service is watched for and asked on is what the pod has" {
  watched=$(argument restart-on-change)
  deployment '.spec.template.spec.containers[0].volumeMounts[].mountPath' | grep -qxF "$watched"
  [ "$(argument port)" = "$(deployment '.spec.template.spec.containers[0].ports[0].containerPort')" ]
  runtime=$(deployment '.spec.template.spec.containers[0].env[] | select(.name == "TASUKI_RUNTIME_DIR").value')
  deployment '.spec.template.spec.containers[0].volumeMounts[] | select(.readOnly | not).mountPath' | grep -qxF "$runtime"
}

@test "the container's command deploys when its volume changes, and at HUP, and stops in time" {
  local command=()
  port=$(free_port)
  mkdir -p "$DIR/volume/..1"
  echo 1 >"$DIR/volume/..1/app.conf"
  ln -s ..1 "$DIR/volume/..data"
  ln -s ..data/app.conf "$DIR/volume/app.conf"
  mapfile -t command < <(deployment '.spec.template.spec.containers[0].args[]' |
    sed "s|^--port=8080$|--port=127.0.0.1:$port|; s|=/etc/app$|=$DIR/volume|; s|^/usr/bin/hello-server$|$HELLO|; s|^--probation=5$|--probation=0|")
  start env TASUKI_RUNTIME_DIR="$DIR" "$TASUKI" "${command[@]}"
  wait_until answers "http://127.0.0.1:$port/"
  mkdir "$DIR/volume/..2"
  echo 2 >"$DIR/volume/..2/app.conf"
  ln -s ..2 "$DIR/volume/..data_tmp"
  mv -T "$DIR/volume/..data_tmp" "$DIR/volume/..data"
  rm -r "$DIR/volume/..1"
  wait_until log_has "deploy 1 started by a change of $DIR/volume\$"
  wait_until log_has 'deploy 1 succeeded'
  kill -HUP "$PID"
  wait_until log_has 'deploy 2 succeeded'
  env TASUKI_RUNTIME_DIR="$DIR" "$TASUKI" restart app
  kill -TERM "$PID"
  ended "$PID"
  [ "$STATUS_CODE" -eq 0 ]
}
