package query

import (
	"testing"
)

func TestFileNames(t *testing.T) {
	var f fileNames
	for _, tt := range []struct{ account, name, id, want string }{
		{"prod", "restart nodes", "DM1", "prod/restart nodes.yaml"},
		{"prod", "Restart Nodes", "DM2", "prod/Restart Nodes-DM2.yaml"}, // one file where case doesn't count
		{"prod", "restart nodes", "DM3", "prod/restart nodes-DM3.yaml"},
		{"test", "restart nodes", "DM1", "test/restart nodes.yaml"},
		{"prod", "restart nodes-DM4", "DM0", "prod/restart nodes-DM4.yaml"},
		{"prod", "restart nodes", "DM4", "prod/restart nodes-2.yaml"},
		// Fault: these had one file, and the second was lost: é in one rune and in two, a
		// Kelvin sign, a final sigma, and folders of two accounts.
		{"prod", "caf\u00e9", "DM14", "prod/caf\u00e9.yaml"},
		{"prod", "cafe\u0301", "DM15", "prod/cafe\u0301-DM15.yaml"},
		{"prod", "CAFE\u0301", "DM16", "prod/CAFE\u0301-DM16.yaml"},
		{"prod", "disk", "DM17", "prod/disk.yaml"},
		{"prod", "dis\u212a", "DM18", "prod/dis\u212a-DM18.yaml"},
		{"prod", "\u03c3", "DM19", "prod/\u03c3.yaml"},
		{"prod", "\u03c2", "DM20", "prod/\u03c2-DM20.yaml"},
		{"Prod", "alone", "DM21", "Prod-2/alone.yaml"},
		{"Prod", "disk", "DM22", "Prod-2/disk.yaml"},
		{"prod", "注册", "DM5", "prod/注册.yaml"},
		{".git", ".GIT", "DM6", "_git/_GIT.yaml"},
		{"..", "", "DM7", "_/_.yaml"},
		{"a/b", "../../etc/passwd", "DM8", "a_b/_" + "_.._etc_passwd.yaml"},
		{"prod", "a\x00b\x1b[31m\u202e\xff\n", "DM9", "prod/a_b_[31m___.yaml"},
		{"prod", "-rf", "DM10", "prod/_rf.yaml"},
		{"prod", "con", "DM11", "prod/_con.yaml"},
		{"prod", "lpt1.x", "DM12", "prod/_lpt1.x.yaml"},
		{"prod", "git~1", "DM13", "prod/git_1.yaml"},
	} {
		if got := f.of(tt.account, tt.name, tt.id); got != tt.want {
			t.Errorf("of(%q, %q, %q) = %q, want %q", tt.account, tt.name, tt.id, got, tt.want)
		}
	}
}
