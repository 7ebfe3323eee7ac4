package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cocsync/internal/fetch"
	"cocsync/internal/hint"
)

// All failures of COC had the same hint, about the network, even for a wrong key. The hint
// depends on the class of the error.
func TestAdvice(t *testing.T) {
	for _, tt := range []struct {
		status     int
		body, want string
	}{
		{401, `{"error_code":"APIGW.0301","error_msg":"x"}`, "check access_key, secret_key"},
		{403, `{"error_code":"APIGW.0302","error_msg":"x"}`, "the IAM action coc:document:getDocument"},
		{403, `<html>blocked</html>`, "whether a proxy or a firewall refuses the request"},
		{400, `{"error_code":"COC.00042101","error_msg":"x"}`, "check the document's ID"},
		{404, `{"error_code":"APIGW.0101","error_msg":"x"}`, "check the endpoint or the region"},
		{404, `<html>not found</html>`, "check the endpoint or the region"},
		{302, ``, "check the endpoint or the region"},
		{429, `{"error_code":"APIGW.0308","error_msg":"x"}`, "lower requests_per_second"},
		{503, `{"error_code":"COC.1","error_msg":"x"}`, "try again in a few minutes"},
		{200, `<html>log in</html>`, "login page of a network"},
		{200, ``, "login page of a network"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tt.status)
			_, _ = w.Write([]byte(tt.body))
		}))
		c := &fetch.Client{Endpoint: s.URL, MaxWait: 1, Credentials: fetch.Static(fetch.KeyPair{AccessKey: "AKEXAMPLE", SecretKey: "SKEXAMPLE"})}
		_, err := c.Get(t.Context(), "DM1", "", "")
		s.Close()
		got := hint.Of(err)
		if got == "" {
			got = adviceOn(err)
		}
		if err == nil || !strings.Contains(got, tt.want) {
			t.Errorf("%d %s: %v with the hint %q, want %q", tt.status, tt.body, err, got, tt.want)
		}
	}
}
