package op_test

import (
	"html/template"
	"io/fs"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/op"
	"github.com/usher-id/usher/internal/web"
	"github.com/usher-id/usher/internal/web/webtest"
)

// The pages of signing out are in order in every language.
func TestPages_InEveryLanguage(t *testing.T) {
	kit, err := web.New(web.Config{Issuer: issuer, Pages: []fs.FS{op.Pages}})
	if err != nil {
		t.Fatal(err)
	}
	for language, words := range map[string]string{"en": "Sign out?", "es": "¿Cerrar la sesión?", "ar": "هل تريد تسجيل الخروج؟"} {
		for page, data := range map[string]any{
			"leave": struct{ Action, Application, Client, Redirect, State string }{"/x", "<b>Payroll", "c", "https://app.test/", "s"},
			"left":  struct{ Href template.URL }{"https://app.test/"},
		} {
			r := web.Locales(httptest.NewRequestWithContext(t.Context(), "GET", issuer, nil), language)
			w := httptest.NewRecorder()
			kit.Page(w, r, 200, page, data)
			for _, fault := range webtest.Faults(w.Body.String()) {
				t.Errorf("%s, %s: %s", page, language, fault)
			}
			if page == "leave" && (!strings.Contains(w.Body.String(), words) || strings.Contains(w.Body.String(), "<b>")) {
				t.Errorf("%s, %s: %s", page, language, w.Body)
			}
		}
	}
}
