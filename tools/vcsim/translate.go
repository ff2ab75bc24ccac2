package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
)

// The simulator has the content library under /rest, in the form of vCenter 6.5. Since vCenter 7.0 Update 2 it is under
// /api: other paths, bodies without a wrapper, the names of errors. This program translates the one into the other.

const libraryPath = "/rest/com/vmware/content/library"

// newTranslator serves /api, and passes every other path on to the simulator as it is.
func newTranslator(simulator string) http.Handler {
	target := &url.URL{Scheme: "http", Host: simulator}
	mux := http.NewServeMux()
	mux.Handle("/", httputil.NewSingleHostReverseProxy(target))
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		call, ok := translate(r)
		if !ok {
			writeError(w, http.StatusNotFound, "NOT_FOUND")
			return
		}
		call.run(w, r, target)
	})
	return mux
}

// oldCall is a call in the form of /rest.
type oldCall struct {
	method  string
	path    string
	query   url.Values
	wrapper string // the key of the body in the body
	body    any    // instead of the request's body
	status  int    // of the answer when all is well
}

func translate(r *http.Request) (oldCall, bool) {
	action := r.URL.Query().Get("action")
	call := oldCall{method: r.Method, query: r.URL.Query(), status: http.StatusOK}
	if action != "" {
		call.query.Del("action")
		call.query.Set("~action", action)
	}
	if r.Method == http.MethodDelete || r.Method == http.MethodPatch || (action != "" && action != "find") {
		call.status = http.StatusNoContent
	}
	if r.Method == http.MethodPost && action == "" {
		call.status = http.StatusCreated
		call.wrapper = "create_spec"
	}
	if action == "find" {
		call.wrapper = "spec"
	}
	if r.Method == http.MethodPatch {
		call.wrapper = "update_spec"
	}
	if r.URL.Path == "/api/session" {
		call.wrapper = ""
		call.path = "/rest/com/vmware/cis/session"
		return call, true
	}
	rest, found := strings.CutPrefix(r.URL.Path, "/api/content/library")
	if !found {
		return call, false
	}
	parts := strings.Split(strings.Trim(rest, "/"), "/")
	switch {
	case rest == "":
		call.path = libraryPath
	case parts[0] != "item":
		call.path = libraryPath + "/id:" + parts[0]
	case len(parts) == 1:
		call.path = libraryPath + "/item"
	case parts[1] == "update-session":
		return translateSession(call, parts[2:])
	case len(parts) == 3 && parts[2] == "file":
		call.path = libraryPath + "/item/file"
		call.query.Set("library_item_id", parts[1])
	default:
		call.path = libraryPath + "/item/id:" + parts[1]
	}
	return call, true
}

func translateSession(call oldCall, parts []string) (oldCall, bool) {
	files := libraryPath + "/item/updatesession/file"
	switch {
	case len(parts) == 0:
		call.path = libraryPath + "/item/update-session"
	case len(parts) == 1:
		call.path = libraryPath + "/item/update-session/id:" + parts[0]
		call.wrapper = ""
	case len(parts) == 2 && call.method == http.MethodGet:
		call.path = files
		call.query.Set("update_session_id", parts[0])
	case len(parts) == 2:
		call.path = files + "/id:" + parts[0]
		call.query.Set("~action", "add")
		call.wrapper = "file_spec"
	default:
		call.method = http.MethodPost
		call.path = files + "/id:" + parts[0]
		call.query.Set("~action", "get")
		call.body = map[string]string{"file_name": parts[2]}
	}
	return call, true
}

func (call oldCall) run(w http.ResponseWriter, r *http.Request, target *url.URL) {
	body, err := call.buildBody(r.Body)
	if err != nil {
		writeError(w, http.StatusBadRequest, "INVALID_ARGUMENT")
		return
	}
	address := url.URL{Scheme: target.Scheme, Host: target.Host, Path: call.path, RawQuery: call.query.Encode()}
	request, err := http.NewRequestWithContext(r.Context(), call.method, address.String(), bytes.NewReader(body))
	if err != nil {
		writeError(w, http.StatusInternalServerError, "ERROR")
		return
	}
	for _, name := range []string{"Authorization", "Vmware-Api-Session-Id", "Content-Type"} {
		if value := r.Header.Get(name); value != "" {
			request.Header.Set(name, value)
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		writeError(w, http.StatusInternalServerError, "ERROR")
		return
	}
	defer response.Body.Close()
	call.writeAnswer(w, response)
}

func (call oldCall) buildBody(stream io.Reader) ([]byte, error) {
	if call.body != nil {
		return json.Marshal(call.body)
	}
	body, err := io.ReadAll(stream)
	if err != nil || call.wrapper == "" {
		return body, err
	}
	return json.Marshal(map[string]json.RawMessage{call.wrapper: body})
}

func (call oldCall) writeAnswer(w http.ResponseWriter, response *http.Response) {
	var answer struct {
		Value json.RawMessage `json:"value"`
		Type  string          `json:"type"`
		Error string          `json:"error_type"`
	}
	body, _ := io.ReadAll(response.Body)
	_ = json.Unmarshal(body, &answer)
	if response.StatusCode >= http.StatusBadRequest {
		writeError(w, response.StatusCode, errorName(response.StatusCode, answer.Type, answer.Error))
		return
	}
	if call.status == http.StatusNoContent {
		w.WriteHeader(call.status)
		return
	}
	if len(answer.Value) == 0 || string(answer.Value) == "null" {
		answer.Value = json.RawMessage("[]")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(call.status)
	_, _ = w.Write(answer.Value)
}

func errorName(status int, kind string, name string) string {
	if name != "" {
		return name
	}
	if kind != "" {
		return strings.ToUpper(kind[strings.LastIndex(kind, ".")+1:])
	}
	return map[int]string{401: "UNAUTHENTICATED", 403: "UNAUTHORIZED", 404: "NOT_FOUND"}[status]
}

func writeError(w http.ResponseWriter, status int, name string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error_type": name, "messages": []string{}})
}
