package config

// region is a place from which COC is served. COC is one service for all
// regions, so each endpoint reaches the documents of the whole account.
type region struct{ name, endpoint string }

func regions() []region {
	return []region{
		{"cn-north-4", "https://coc.myhuaweicloud.com"},
		{"ap-southeast-3", "https://coc-intl.myhuaweicloud.com"},
		{"eu-west-101", "https://coc-eu-west-101-open-api.myhuaweicloud.eu"},
	}
}

func endpointOf(name string) (string, bool) {
	for _, r := range regions() {
		if r.name == name {
			return r.endpoint, true
		}
	}
	return "", false
}

func regionNames() []string {
	var names []string
	for _, r := range regions() {
		names = append(names, r.name)
	}
	return names
}
