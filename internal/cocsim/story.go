package cocsim

import (
	"embed"
	"strings"
)

// storyFiles has the contents that the story saves, by the job's name.
//
//go:embed story
var storyFiles embed.FS

// Event is one edit of the documents of a COC.
type Event struct {
	Text string // what happens, one line for people
	Do   func(*COC)
}

// Story returns edits to the shipped jobs, in order, for a demo of less than a minute.
// An edit does nothing on a COC without its job.
func Story() []Event {
	return []Event{
		{"COC-chen.yu renames a step of restart-unhealthy-nodes and shortens its wait",
			edit("restart-unhealthy-nodes", "COC-chen.yu")},
		{"COC-temp.contractor drops the login check from rotate-database-password and runs it as root",
			edit("rotate-database-password", "COC-temp.contractor")},
		{"Someone changes the content of v3 of expand-data-disk, without a new version",
			on("expand-data-disk", func(c *COC, id string) {
				if d, ok := c.Document(id); ok && len(d.Versions) > 0 {
					c.Rewrite(id, d.Versions[len(d.Versions)-1].Label, storyContent("expand-data-disk"))
					c.Touch(id)
				}
			})},
		{"COC-li.wei raises the risk level of snapshot-before-release to HIGH",
			on("snapshot-before-release", func(c *COC, id string) {
				c.Change(id, func(d *Document) {
					d.RiskLevel, d.Modifier = "HIGH", "COC-li.wei"
					d.Description = "Run before every release; stops writes for some minutes"
				})
			})},
		{"COC-anita.rao creates failover-redis", func(c *COC) {
			c.Add(Document{
				Name: "failover-redis", Description: "When the session store's zone is down", RiskLevel: "HIGH",
				Creator: "COC-anita.rao", Versions: []Version{{Content: storyContent("failover-redis")}},
			})
		}},
		{"COC-zhang.min tunes drain-and-patch-ecs, twice", on("drain-and-patch-ecs", func(c *COC, id string) {
			for _, by := range []struct{ old, new string }{{`"weight":10`, `"weight":20`}, {"timeout: 1800", "timeout: 2400"}} {
				if d, ok := c.Document(id); ok && len(d.Versions) > 0 {
					newest := d.Versions[len(d.Versions)-1].Text()
					c.Edit(id, strings.Replace(newest, by.old, by.new, 1), "COC-zhang.min")
				}
			}
		})},
		{"COC-zhang.min deletes clean-up-old-images",
			on("clean-up-old-images", func(c *COC, id string) { c.Delete(id) })},
	}
}

// storyContent returns the content of a job in the story.
func storyContent(name string) string { return embedded(storyFiles, "story/"+name+".yaml") }

// edit saves the story's content of a job as a new version.
func edit(name, modifier string) func(*COC) {
	return on(name, func(c *COC, id string) { c.Edit(id, storyContent(name), modifier) })
}

// on runs do with the id of the document with a name, if there is one.
func on(name string, do func(c *COC, id string)) func(*COC) {
	return func(c *COC) {
		if id, ok := c.Find(name); ok {
			do(c, id)
		}
	}
}
