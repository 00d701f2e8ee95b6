{{- define "mintmark.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Name of the ConfigMap with realm files; empty: there are none. */}}
{{- define "mintmark.realmFiles" -}}
{{- with .Values.realmFiles -}}
{{- if and .files .existingConfigMap -}}
{{- fail "set either realmFiles.files or realmFiles.existingConfigMap" -}}
{{- end -}}
{{- if .files -}}
{{- printf "%s-realms" (include "mintmark.fullname" $) -}}
{{- else -}}
{{- .existingConfigMap -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "mintmark.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "mintmark.labels" -}}
{{ include "mintmark.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 }}
{{- end -}}

{{- define "mintmark.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* The host of publicUrl, without its port. */}}
{{- define "mintmark.host" -}}
{{- get (urlParse .Values.publicUrl) "host" | splitList ":" | first -}}
{{- end -}}

{{- define "mintmark.path" -}}
{{- get (urlParse .Values.publicUrl) "path" | trimSuffix "/" | default "/" -}}
{{- end -}}

{{/* Where the server's own secrets come from: exactly one of three. */}}
{{- define "mintmark.requireOneSource" -}}
{{- $s := .Values.secrets -}}
{{- $n := 0 -}}
{{- if $s.existingSecret }}{{ $n = add1 $n }}{{ end -}}
{{- if $s.externalSecret.enabled }}{{ $n = add1 $n }}{{ end -}}
{{- if $s.csi.enabled }}{{ $n = add1 $n }}{{ end -}}
{{- if ne (int $n) 1 }}{{ fail "set exactly one of secrets.existingSecret, secrets.externalSecret.enabled and secrets.csi.enabled: it holds DATABASE_URL and MASTER_KEY" }}{{ end -}}
{{- end -}}

{{- define "mintmark.secretName" -}}
{{- if .Values.secrets.existingSecret -}}
{{- .Values.secrets.existingSecret -}}
{{- else -}}
{{- include "mintmark.fullname" . -}}
{{- end -}}
{{- end -}}

{{/* Volume with the secrets as files. */}}
{{- define "mintmark.secretsVolume" -}}
- name: secrets
{{- if .Values.secrets.csi.enabled }}
  csi:
    driver: secrets-store.csi.k8s.io
    readOnly: true
    volumeAttributes:
      secretProviderClass: {{ include "mintmark.fullname" . }}
{{- else }}
  secret:
    secretName: {{ include "mintmark.secretName" . }}
    defaultMode: 0440
{{- end }}
{{- end -}}

{{- define "mintmark.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "mintmark.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Volumes that server and migration have in common: the database's CA, and room to write. */}}
{{- define "mintmark.commonVolumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
{{- with .Values.databaseCa.configMap }}
- name: database-ca
  configMap:
    name: {{ . }}
{{- end }}
{{- end -}}

{{- define "mintmark.commonMounts" -}}
- name: tmp
  mountPath: /tmp
{{- if .Values.databaseCa.configMap }}
- name: database-ca
  mountPath: /etc/mintmark/database-ca
  readOnly: true
{{- end }}
{{- end -}}
