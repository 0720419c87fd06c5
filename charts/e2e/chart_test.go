// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import "testing"

// TestChart runs groups of proofs. The proofs of a group depend on the earlier ones of that group; the
// groups are independent.
func TestChart(t *testing.T) {
	c := openCluster(t)
	c.loadImages(t)
	t.Cleanup(c.printResult)
	t.Run("rollouts", c.rollouts)
	t.Run("two releases", c.twoReleases)
	t.Run("beginnings", c.beginnings)
	t.Run("rotation", c.rotation)
	t.Run("injection", c.injection)
	t.Run("image volume", c.imageVolume)
	t.Run("ordinary container", c.ordinaryContainer)
	t.Run("observation", c.observation)
	t.Run("bring your own", c.bringYourOwn)
	t.Run("cluster", c.clusterRules)
}
