package cocsim

import (
	"embed"
	"strings"
	"time"
)

// storyFiles holds the contents that the story saves, by the job's name.
//
//go:embed story
var storyFiles embed.FS

// Event is one thing that somebody does to the documents of a COC.
type Event struct {
	After time.Duration // since the story began
	Tell  string        // what is happening, one line for people
	Do    func(*COC)
}

// Story returns edits to the shipped jobs, in order, for a demo of less than a
// minute. Each does nothing on a COC that lacks its job.
func Story() []Event {
	return []Event{
		{4 * time.Second, "COC-chen.yu renames a step of restart-unhealthy-nodes and shortens its wait",
			edit("restart-unhealthy-nodes", "COC-chen.yu")},
		{10 * time.Second, "COC-temp.contractor drops the login check from rotate-database-password and runs it as root",
			edit("rotate-database-password", "COC-temp.contractor")},
		{16 * time.Second, "somebody changes what stands behind v3 of expand-data-disk, without a new version",
			on("expand-data-disk", func(c *COC, id string) {
				if d, ok := c.Document(id); ok && len(d.Versions) > 0 {
					c.Rewrite(id, d.Versions[len(d.Versions)-1].Label, told("expand-data-disk"))
					c.Touch(id)
				}
			})},
		{22 * time.Second, "COC-li.wei raises the risk level of snapshot-before-release to HIGH",
			on("snapshot-before-release", func(c *COC, id string) {
				c.Change(id, func(d *Document) {
					d.RiskLevel, d.Modifier = "HIGH", "COC-li.wei"
					d.Description = "Run before every release; stops writes for some minutes"
				})
			})},
		{28 * time.Second, "COC-anita.rao creates failover-redis", func(c *COC) {
			c.Add(Document{
				Name: "failover-redis", Description: "When the session store's zone is down", RiskLevel: "HIGH",
				Creator: "COC-anita.rao", Versions: []Version{{Content: told("failover-redis")}},
			})
		}},
		{34 * time.Second, "COC-zhang.min tunes drain-and-patch-ecs, twice", on("drain-and-patch-ecs", func(c *COC, id string) {
			for _, by := range []struct{ old, new string }{{`"weight":10`, `"weight":20`}, {"timeout: 1800", "timeout: 2400"}} {
				if d, ok := c.Document(id); ok && len(d.Versions) > 0 {
					newest := d.Versions[len(d.Versions)-1].Text()
					c.Edit(id, strings.Replace(newest, by.old, by.new, 1), "COC-zhang.min")
				}
			}
		})},
		{40 * time.Second, "COC-zhang.min deletes clean-up-old-images",
			on("clean-up-old-images", func(c *COC, id string) { c.Delete(id) })},
	}
}

// told is the content that the story gives to a job.
func told(name string) string { return embedded(storyFiles, "story/"+name+".yaml") }

// edit saves the story's content of a job as a new version.
func edit(name, modifier string) func(*COC) {
	return on(name, func(c *COC, id string) { c.Edit(id, told(name), modifier) })
}

// on runs do with the id of the document of that name, if there is one.
func on(name string, do func(c *COC, id string)) func(*COC) {
	return func(c *COC) {
		if id, ok := c.Find(name); ok {
			do(c, id)
		}
	}
}
