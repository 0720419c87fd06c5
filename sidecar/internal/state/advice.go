// SPDX-License-Identifier: Apache-2.0

package state

import "maps"

// adviceByReason maps each reason to its advice. The runbook is the page of the alert for the
// reason. Transient reasons have the page of the alert that fires if they persist.
func adviceByReason() map[Reason]Advice {
	all := map[Reason]Advice{}
	for _, table := range []map[Reason]Advice{
		connectionAdvice(), releaseAdvice(), waitAdvice(), importAdvice(),
		verifyAdvice(), observeAdvice(), contentionAdvice(),
	} {
		maps.Copy(all, table)
	}
	return all
}

// connectionAdvice covers problems that prevent the sidecar from reaching and using the platform.
func connectionAdvice() map[Reason]Advice {
	return map[Reason]Advice{
		TargetDown: {
			Title: "The workspaces service does not respond yet",
			Remedy: "Nothing, if the container has just started. Otherwise check its log, --platform-url " +
				"and its port.",
			Runbook: "import-not-succeeded",
		},
		TargetError: {
			Title: "The workspaces service responds with errors",
			Remedy: "Search the log of the workspaces container for the correlation id; its database or " +
				"broker may be unavailable.",
			Runbook: "import-failing",
		},
		PlatformMissing: {
			Title: "The platform has no workspace named platform",
			Remedy: "Nothing during a first installation: the service creates it at startup. Otherwise " +
				"check the log of the workspaces container, and whether it uses the right database.",
			Runbook: "import-failing",
		},
		IdentityRefused: {
			Title: "The platform rejects the identity",
			Remedy: "Pass a valid --token-file, or use --mode observe if this version of the platform " +
				"rejects header identity.",
			Runbook: "token-rejected",
		},
		Forbidden: {
			Title: "The identity is not allowed to import",
			Remedy: "Use a super admin's access token: a bulk import needs access to the workspace " +
				"platform and to every imported workspace.",
			Runbook: "token-rejected",
		},
		TokenUnreadable: {
			Title: "The token cannot be read",
			Remedy: "Correct the file or its content as the message says: it must hold the token on one " +
				"line, and nothing else.",
			Runbook: "token-rejected",
		},
	}
}

// releaseAdvice covers problems of the release in the pod.
func releaseAdvice() map[Reason]Advice {
	return map[Reason]Advice{
		ManifestUnreadable: {
			Title: "The release manifest cannot be read",
			Remedy: "Check that the manifest is mounted at the path of --manifest with its workspaces beside it, and that " +
				"the sidecar is as recent as the builder.",
			Runbook: "manifest-rejected",
		},
		ManifestMismatch: {
			Title: "The manifest does not match the configuration",
			Remedy: "Set --groups and --repository to values in the manifest, or remove them to use the " +
				"manifest's.",
			Runbook: "manifest-rejected",
		},
		RepositoryUnknown: {
			Title: "This pod does not know the repository",
			Remedy: "Check the image of the workspaces container, and that Helm values do not override " +
				"its WORKSPACES_STORAGE_GIT_PLATFORM_* variables.",
			Runbook: "manifest-rejected",
		},
		WrongRelease: {
			Title: "This pod carries another release",
			Remedy: "Check that the sidecar and the workspaces container use the same release image, and " +
				"that --platform-url is the address of this pod.",
			Runbook: "manifest-rejected",
		},
		PullFellBack: {
			Title: "The platform pulled from another source",
			Remedy: "It did not know the repository and did an ordinary pull. Correct --repository; then " +
				"check the workspace platform.",
			Runbook: "manifest-rejected",
		},
	}
}

// waitAdvice covers conditions that the importer waits for.
func waitAdvice() map[Reason]Advice {
	return map[Reason]Advice{
		ServicesNotReady: {
			Title:   "Other services are not ready",
			Remedy:  "Wait, or check the services in the message. --services '' disables the wait.",
			Runbook: "import-not-succeeded",
		},
		LockHeld: {
			Title: "Another import holds the write lock",
			Remedy: "Nothing while another replica imports: this pod verifies the result afterwards. If " +
				"that pod is gone, its lock expires.",
			Runbook: "lock-wait-long",
		},
		LockStuck: {
			Title: "The write lock is not released",
			Remedy: "Its holder is probably dead. Check that no bulk operation is running, then delete " +
				"the lock of the workspace platform.",
			Runbook: "lock-holder-dead",
		},
		MergeConflict: {
			Title:   "The workspace platform is locked by a merge conflict",
			Remedy:  "Resolve the conflict in the console: such a lock never expires.",
			Runbook: "lock-holder-dead",
		},
		RateLimited: {
			Title: "The platform limits the request rate",
			Remedy: "Nothing: the sidecar waits as the platform requests. Prefer the pod's own address to " +
				"the gateway, which allows 3 pulls a minute.",
			Runbook: "import-not-succeeded",
		},
		OutcomeUnknown: {
			Title: "The outcome of the import is unknown",
			Remedy: "Nothing: the sidecar checks again without force. If this persists, check proxies and " +
				"timeouts between the sidecar and the service.",
			Runbook: "import-not-succeeded",
		},
	}
}

// importAdvice covers errors that the platform reports.
func importAdvice() map[Reason]Advice {
	return map[Reason]Advice{
		ImportErrors: {
			Title: "The import reports errors",
			Remedy: "Read the error of each workspace, correct its source or the platform, then build a " +
				"new release or retry.",
			Runbook: "import-failing",
		},
		SlugTaken: {
			Title:   "Another workspace uses the slug",
			Remedy:  "Rename or delete the workspace that has the slug, or correct its labels; then retry.",
			Runbook: "import-failing",
		},
		MissingPhoto: {
			Title: "A workspace that is published as an app has no photo",
			Remedy: "Add photo to its index.yml, or remove the app from it. Its content is imported: " +
				"--tolerate missing-photo accepts the release.",
			Runbook: "import-failing",
		},
		OrphanedApp: {
			Title: "An app of this name belongs to another workspace",
			Remedy: "If that workspace is gone, delete the app that it left behind: DELETE /v2/apps/NAME. " +
				"Until then --tolerate orphaned-app accepts the release.",
			Runbook: "import-failing",
		},
		FilesDeleted: {
			Title: "The platform deleted files of the release",
			Remedy: "Builder validate lists them: the platform deletes a file that fails to import, or " +
				"whose path does not match its slug. Correct the workspace and build a new release.",
			Runbook: "import-failing",
		},
	}
}

// verifyAdvice covers failed verifications.
func verifyAdvice() map[Reason]Advice {
	return map[Reason]Advice{
		WorkspaceSilent: {
			Title: "The platform did not report every workspace",
			Remedy: "Check that groups in .import.yml match the manifest, and that the identity can " +
				"access every workspace.",
			Runbook: "import-failing",
		},
		WrongVersion: {
			Title:   "A workspace has a different version than the release",
			Remedy:  "Another release is being imported: check that all pods run the same image.",
			Runbook: "import-failing",
		},
		EmptyGroup: {
			Title: "A group has no workspaces",
			Remedy: "Check the names in --groups, and WORKSPACES_GROUP_*_LABELS on the platform that " +
				"pushed.",
			Runbook: "import-failing",
		},
		BadAnswer: {
			Title:   "The response does not come from the platform",
			Remedy:  "A proxy or another program responds. Check --platform-url and NO_PROXY.",
			Runbook: "import-failing",
		},
		Rejected: {
			Title: "The platform rejects the request",
			Remedy: "Read the message; check repository and groups, and that the platform and the sidecar " +
				"are compatible.",
			Runbook: "import-failing",
		},
		GroupTimeout: {
			Title: "The group takes too long",
			Remedy: "Follow the progress in the log of the workspaces container; raise --group-timeout if " +
				"it is only slow.",
			Runbook: "import-failing",
		},
	}
}

// observeAdvice covers observe mode, drift and draining.
func observeAdvice() map[Reason]Advice {
	return map[Reason]Advice{
		NotImportedYet: {
			Title: "The service has not imported the release yet",
			Remedy: "Wait for the service's own startup import; if it never starts, check " +
				"STARTUP_IMPORT_GROUPS of the workspaces container.",
			Runbook: "import-not-succeeded",
		},
		NothingToObserve: {
			Title: "The sidecar has no way to observe the import",
			Remedy: "Mount the manifest, or set --gateway-url and --token-file so that the sidecar can " +
				"read events.",
			Runbook: "import-failing",
		},
		Draining: {
			Title: "The service of this pod is stopping",
			Remedy: "Nothing: this pod starts no import before it stops. If only its service restarted, " +
				"imports resume after twice --drain-timeout.",
			Runbook: "import-not-succeeded",
		},
		Drifted: {
			Title: "Workspaces were changed after the import",
			Remedy: "Push the changes to the source, or undo them; --reconcile repair imports the release " +
				"again.",
			Runbook: "drift",
		},
	}
}

// contentionAdvice covers conflicts between releases.
func contentionAdvice() map[Reason]Advice {
	return map[Reason]Advice{
		Superseded: {
			Title: "Another release is the current one",
			Remedy: "Nothing during a rollout: this pod imports nothing and will be replaced. To make it " +
				"current, set --current-release-file to its release.",
			Runbook: "release-skew",
		},
		CurrentUnreadable: {
			Title: "The current release cannot be read",
			Remedy: "Check that the ConfigMap is mounted at the path of --current-release-file, and that " +
				"it holds one digest or image reference.",
			Runbook: "manifest-rejected",
		},
		ForeignRelease: {
			Title: "Another release was imported over this one",
			Remedy: "Find the pod or person that imported it, and stop that import; then restart the pods " +
				"of the release to keep.",
			Runbook: "release-replaced",
		},
		ReleaseContended: {
			Title: "Two releases keep replacing each other",
			Remedy: "Make only one release the current one: compare --current-release-file in all pods " +
				"that import into this platform.",
			Runbook: "release-replaced",
		},
	}
}
