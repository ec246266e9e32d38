"""The service: HTTP on Ray Serve. What is asked goes to a WorkflowService; nothing here keeps or runs workflows."""
