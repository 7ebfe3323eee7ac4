-- +goose Up

-- How many cycles were due by the watch's schedule after the one before it began and
-- did not run.
ALTER TABLE cycles ADD COLUMN missed INTEGER NOT NULL DEFAULT 0 CHECK (missed >= 0);
