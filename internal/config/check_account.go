package config

import (
	"fmt"
	"math"
	"regexp"
	"strings"

	"cocsync/internal/hint"
)

func (c *checker) account(a Account) {
	regions := regionNames()
	_, known := endpointOf(a.Region)
	const how = `write endpoint = "https://…" for another`
	switch {
	case a.Region != "" && a.Endpoint != "":
		c.fault("endpoint", "region and endpoint are both given", "keep one of them")
	case a.Region == "" && a.Endpoint == "":
		c.fault("region", "it has no region", "write region = with one of "+strings.Join(regions, ", ")+"; "+how)
	case a.Endpoint != "":
		c.wrong("endpoint", checkURL(a.Endpoint))
	case !known:
		c.fault("region", "unknown region "+quote(a.Region), strings.TrimSpace(hint.DidYouMean(a.Region, regions)+" known: "+strings.Join(regions, ", ")+"; "+how))
	}
	if r := a.RequestsPerSecond; !(r >= 0) || math.IsInf(r, 0) {
		c.fault("requests_per_second", "requests_per_second must be a number, 0 or more", "0 means no limit")
	}
	if a.Connections < 1 || a.Connections > maxConnections {
		c.fault("connections", fmt.Sprintf("connections is %d", a.Connections), fmt.Sprintf("write a number from 1 to %d", maxConnections))
	}
	c.wrong("console_url", checkLink(a.ConsoleURL))
	c.credentials(a)
}

// maxConnections is far above what COC's rate can keep busy.
const maxConnections = 64

func (c *checker) credentials(a Account) {
	const both = "give both, or neither: then the environment, the profile file and the ECS agency are asked"
	if a.AccessKey.IsSet() != a.SecretKey.IsSet() {
		has, misses := "access_key", "secret_key"
		if a.SecretKey.IsSet() {
			has, misses = misses, has
		}
		c.fault(misses, fmt.Sprintf("it has %s without %s", has, misses), both)
	} else if a.SecurityToken.IsSet() && !a.AccessKey.IsSet() {
		c.fault("access_key", "it has security_token without access_key and secret_key", both)
	}
	for key, s := range map[string]Secret{"access_key": a.AccessKey, "secret_key": a.SecretKey} {
		c.wrong(key, checkKey(s.ref))
	}
	c.secret("access_key", a.AccessKey)
	c.secret("secret_key", a.SecretKey)
	c.secret("security_token", a.SecurityToken)
}

// checkKey refuses what is not a key but the answer to another question of init, or
// the name of a region.
func checkKey(text string) error {
	region := regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]+$`) // as in Huawei Cloud's list of regions
	switch {
	case text == "auto", text == "none", text == "all":
		return hint.Wrap(fmt.Errorf("%s is not a key", quote(text)), "leave access_key and secret_key out: then the environment, the profile file and the ECS agency are asked")
	case region.MatchString(text):
		return hint.Wrap(fmt.Errorf("%s is a region, not a key", quote(text)), `write region = "`+text+`" in the account, and env:NAME or file:PATH for the key`)
	}
	return nil
}

// secret checks how a secret is written. A plain one lies open to whoever can
// read the file.
func (c *checker) secret(key string, s Secret) {
	if err := s.check(); err != nil {
		c.wrong(key, err)
		return
	}
	if s.plain() && !c.private {
		c.fault(key, key+" is written plainly in a file that others can read",
			"run `chmod 600 "+c.file+"`, or write env:NAME or file:PATH")
	}
}
