{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{- define "berth.name" -}}
{{- if contains "berth" .Release.Name }}{{ .Release.Name | trunc 45 | trimSuffix "-" }}{{ else }}{{ printf "%s-berth" (.Release.Name | trunc 39 | trimSuffix "-") }}{{ end }}
{{- end }}

{{- define "berth.selector" -}}
app.kubernetes.io/name: berth
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "berth.labels" -}}
{{ include "berth.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "berth.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "berth.claim" -}}
{{ .Values.storage.existingClaim | default (include "berth.name" .) }}
{{- end }}

{{- /* What values.schema.json can't say. */}}
{{- define "berth.check" -}}
{{- if and .Values.htpasswd .Values.existingSecret }}{{ fail "htpasswd and existingSecret: logins are of one of them" }}{{ end }}
{{- range $number, $line := splitList "\n" .Values.htpasswd }}
{{- if and $line (not (regexMatch "^(#|[^:]+:\\$(2[aby]|5|6|y)\\$)" $line)) }}{{ fail (printf "htpasswd: line %d is not USER:HASH as `htpasswd -nB USER` prints it; --set-file htpasswd=FILE takes a file" (add1 $number)) }}{{ end }}
{{- end }}
{{- if and .Values.storage.hostPath .Values.storage.existingClaim }}{{ fail "storage.hostPath and storage.existingClaim: images are in one of them" }}{{ end }}
{{- if and .Values.storage.hostPath .Values.storage.shared }}{{ fail "storage.hostPath and storage.shared: a directory of one node is not that of another" }}{{ end }}
{{- if and .Values.hostPort (gt (int .Values.replicas) 1) }}{{ fail "hostPort and replicas: only one pod has the port" }}{{ end }}
{{- if and .Values.service.nodePort (eq .Values.service.type "ClusterIP") }}{{ fail "service.nodePort: set service.type to NodePort or LoadBalancer" }}{{ end }}
{{- if and .Values.serviceMonitor.enabled (not .Values.metrics.secret) }}{{ fail "serviceMonitor: set metrics.secret to a Secret with a `token`, by which Prometheus is let in" }}{{ end }}
{{- if and .Values.serviceMonitor.enabled .Values.tls.secret (not .Values.serviceMonitor.tlsConfig) }}{{ fail "serviceMonitor.tlsConfig: with TLS it wants one of the certificate's names, such as {serverName: registry.internal}" }}{{ end }}
{{- end }}

{{- /* Of the pods of the registry and of its jobs. */}}
{{- define "berth.pod" -}}
{{- if not .Values.storage.shared }}
# Where the volume is mounted already, since only one node can.
affinity:
  podAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "berth.selector" . | nindent 12 }}
            app.kubernetes.io/component: registry
{{- end }}
automountServiceAccountToken: false
# No variables BERTH_... of the Service beside those that berth.conf's keys have.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "berth.container" -}}
image: {{ include "berth.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop:
      - ALL
{{- end }}

{{- define "berth.env" -}}
{{- if .Values.storage.shared }}
- name: BERTH_SHARED
  value: "true"
# What check-storage found is of the node's mount, and each pod has another name.
- name: BERTH_HOST
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
{{- end }}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
{{- end }}
